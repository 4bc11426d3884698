import { createRoute, lazyRouteComponent } from '@tanstack/react-router'

import { appRoute } from '../../app/routes'

const text = (v: unknown) => (typeof v === 'string' && v ? v : undefined)

const index = createRoute({
  getParentRoute: () => appRoute,
  path: '/services',
  validateSearch: (s: Record<string, unknown>): { q?: string; only?: string } => ({ q: text(s.q), only: text(s.only) }),
  component: lazyRouteComponent(() => import('./Services')),
})

const one = createRoute({
  getParentRoute: () => appRoute,
  path: '/services/$name',
  validateSearch: (s: Record<string, unknown>): { client?: string } => ({ client: text(s.client) }),
  component: lazyRouteComponent(() => import('./Service')),
})

export const routes = [index, one] as const
