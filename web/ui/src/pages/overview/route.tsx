import { createRoute, lazyRouteComponent } from '@tanstack/react-router'

import { sessionQuery } from '../../api/guard'
import { get } from '../../api/queries'
import { appRoute } from '../../app/routes'
import { answersQuery, latestQuery } from './ask'

const index = createRoute({
  getParentRoute: () => appRoute,
  path: '/',
  validateSearch: (s: Record<string, unknown>): { q?: string } => ({ q: typeof s.q === 'string' && s.q ? s.q : undefined }),
  loader: ({ context: { queries } }) => { // asks for what the page shows while its code is on the way
    void queries.ensureQueryData(sessionQuery).then(() => {
      for (const path of ['/regions', '/services', '/pools', '/templates', '/pool-health', '/controls', '/drills', '/geo/points', '/windows', '/safety', '/cluster', '/stats'] as const) void queries.prefetchQuery(get(path))
      void queries.prefetchQuery(answersQuery())
      void queries.prefetchQuery(latestQuery)
    }, () => undefined)
  },
  component: lazyRouteComponent(() => import('./Overview')),
})

export const routes = [index] as const
