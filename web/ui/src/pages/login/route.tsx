import { createRoute, lazyRouteComponent } from '@tanstack/react-router'

import { rootRoute } from '../../app/routes'

const index = createRoute({
  getParentRoute: () => rootRoute,
  path: '/login',
  validateSearch: (s: Record<string, unknown>): { next?: string; error?: string } => ({
    next: typeof s.next === 'string' && /^\/(?![/\\])/.test(s.next) ? s.next : undefined, // a path of this origin, and of no other
    error: typeof s.error === 'string' ? s.error : undefined,
  }),
  component: lazyRouteComponent(() => import('./Login')),
})

export const routes = [index] as const
