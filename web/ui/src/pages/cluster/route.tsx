import { createRoute, lazyRouteComponent } from '@tanstack/react-router'

import { appRoute } from '../../app/routes'

const text = (v: unknown) => (typeof v === 'string' && v ? v : undefined)

const index = createRoute({
  getParentRoute: () => appRoute,
  path: '/cluster',
  validateSearch: (s: Record<string, unknown>): { q?: string; node?: string } => ({ q: text(s.q), node: text(s.node) }),
  component: lazyRouteComponent(() => import('./Cluster')),
})

export const routes = [index] as const
