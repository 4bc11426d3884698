import { createRoute, lazyRouteComponent } from '@tanstack/react-router'

import { appRoute } from '../../app/routes'

const text = (v: unknown) => (typeof v === 'string' && v ? v : typeof v === 'number' ? String(v) : undefined)

export interface Browse { name?: string; type?: string; after?: string }

const index = createRoute({
  getParentRoute: () => appRoute, path: '/zones', validateSearch: (s: Record<string, unknown>): { q?: string } => ({ q: text(s.q) }),
  component: lazyRouteComponent(() => import('./Zones')),
})
const zone = createRoute({
  getParentRoute: () => appRoute, path: '/zones/$zone', validateSearch: (s: Record<string, unknown>): Browse => ({ name: text(s.name), type: text(s.type), after: text(s.after) }),
  component: lazyRouteComponent(() => import('./Zone')),
})
const delegation = createRoute({
  getParentRoute: () => appRoute, path: '/zones/$zone/delegation', validateSearch: (s: Record<string, unknown>): { resolver?: string } => ({ resolver: text(s.resolver) }),
  component: lazyRouteComponent(() => import('./Delegation')),
})

export const routes = [index, zone, delegation] as const
