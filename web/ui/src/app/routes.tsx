import type { QueryClient } from '@tanstack/react-query'
import { Outlet, createRootRouteWithContext, createRoute } from '@tanstack/react-router'

import { Gate } from './Gate'
import { Lost } from './Lost'

export const rootRoute = createRootRouteWithContext<{ queries: QueryClient }>()({ component: Outlet, notFoundComponent: Lost, errorComponent: Lost })

/** The parent of all pages that need somebody who is logged in. */
export const appRoute = createRoute({ getParentRoute: () => rootRoute, id: 'app', component: Gate, notFoundComponent: Lost })
