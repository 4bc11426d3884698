import { createRoute, lazyRouteComponent } from '@tanstack/react-router'

import { appRoute } from '../../app/routes'

const search = (s: Record<string, unknown>): { q?: string } => ({ q: typeof s.q === 'string' && s.q ? s.q : undefined })

const index = createRoute({ getParentRoute: () => appRoute, path: '/zones', validateSearch: search, component: lazyRouteComponent(() => import('./Zones')) })
const zone = createRoute({ getParentRoute: () => appRoute, path: '/zones/$zone', validateSearch: search, component: lazyRouteComponent(() => import('./Zones')) })

export const routes = [index, zone] as const
