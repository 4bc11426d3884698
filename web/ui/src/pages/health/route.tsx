import { createRoute, lazyRouteComponent } from '@tanstack/react-router'

import { appRoute } from '../../app/routes'

const text = (v: unknown) => (typeof v === 'string' && v ? v : undefined)

const index = createRoute({
  getParentRoute: () => appRoute,
  path: '/health',
  validateSearch: (s: Record<string, unknown>): { q?: string; state?: string; monitor?: string; after?: string } => ({ q: text(s.q), state: text(s.state), monitor: text(s.monitor), after: text(s.after) }),
  component: lazyRouteComponent(() => import('./Health')),
})

const one = createRoute({
  getParentRoute: () => appRoute,
  path: '/health/$pool/$name',
  validateSearch: (s: Record<string, unknown>): { range?: string } => ({ range: text(s.range) }),
  component: lazyRouteComponent(() => import('./Endpoint')),
})

export const routes = [index, one] as const
