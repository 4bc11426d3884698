import { createRoute, lazyRouteComponent } from '@tanstack/react-router'

import { clusterQuery } from '../../api/guard'
import { get } from '../../api/queries'
import { ready } from '../../app/ready'
import { appRoute } from '../../app/routes'
import { answersQuery, latestQuery, wrongQuery } from './ask'
import { paths } from './reads'

const index = createRoute({
  getParentRoute: () => appRoute,
  path: '/',
  validateSearch: (s: Record<string, unknown>): { q?: string } => ({ q: typeof s.q === 'string' && s.q ? s.q : undefined }),
  loader: ready(clusterQuery, ...paths.map((p) => get(p)), answersQuery(), latestQuery, wrongQuery),
  component: lazyRouteComponent(() => import('./Overview')),
})

export const routes = [index] as const
