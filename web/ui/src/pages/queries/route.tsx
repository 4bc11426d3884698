import { createRoute, lazyRouteComponent } from '@tanstack/react-router'

import { appRoute } from '../../app/routes'

const index = createRoute({
  getParentRoute: () => appRoute,
  path: '/queries',
  validateSearch: (s: Record<string, unknown>): { q?: string } => ({ q: typeof s.q === 'string' && s.q ? s.q : undefined }),
  component: lazyRouteComponent(() => import('./Queries')),
})

export const routes = [index] as const
