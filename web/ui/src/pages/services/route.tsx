import { createRoute, lazyRouteComponent } from '@tanstack/react-router'

import { clusterQuery } from '../../api/guard'
import { get } from '../../api/queries'
import { ready } from '../../app/ready'
import { appRoute } from '../../app/routes'
import { type Span, spans } from '../../shared/spans'
import { paths } from './reads'

const text = (v: unknown) => (typeof v === 'string' && v ? v : undefined)

const index = createRoute({
  getParentRoute: () => appRoute,
  path: '/services',
  validateSearch: (s: Record<string, unknown>): { q?: string; only?: string } => ({ q: text(s.q), only: text(s.only) }),
  loader: ready(clusterQuery, ...paths.map((p) => get(p))),
  component: lazyRouteComponent(() => import('./Services')),
})

const one = createRoute({
  getParentRoute: () => appRoute,
  path: '/services/$name',
  validateSearch: (s: Record<string, unknown>): { client?: string; over?: Span } => ({ client: text(s.client), over: text(s.over) && text(s.over)! in spans ? (s.over as Span) : undefined }),
  component: lazyRouteComponent(() => import('./Service')),
})

export const routes = [index, one] as const
