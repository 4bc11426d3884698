import { createRoute, createRouter } from '@tanstack/react-router'

import { cache } from './app/cache'
import { appRoute, rootRoute } from './app/routes'
import { Lost } from './app/Lost'
import { routes as access } from './pages/access/route'
import { routes as changes } from './pages/changes/route'
import { routes as cluster } from './pages/cluster/route'
import { routes as drills } from './pages/drills/route'
import { routes as health } from './pages/health/route'
import { routes as login } from './pages/login/route'
import { routes as overview } from './pages/overview/route'
import { routes as queries } from './pages/queries/route'
import { routes as services } from './pages/services/route'
import { routes as whatIf } from './pages/what-if/route'
import { routes as zones } from './pages/zones/route'

// Inside the frame, so that the way on is there.
const lost = createRoute({ getParentRoute: () => appRoute, path: '$', component: () => <Lost /> })

// Each page has its routes in its own directory; nothing here changes when one gets another.
const tree = rootRoute.addChildren([
  ...login,
  appRoute.addChildren([...overview, ...services, ...health, ...whatIf, ...queries, ...drills, ...zones, ...changes, ...cluster, ...access, lost]),
])

export const router = createRouter({ routeTree: tree, context: { queries: cache }, defaultPreload: 'intent', defaultPreloadStaleTime: 0, scrollRestoration: true, defaultNotFoundComponent: Lost, defaultErrorComponent: Lost })

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
