import { createRoute, lazyRouteComponent } from '@tanstack/react-router'

import { appRoute } from '../../app/routes'

const text = (v: unknown) => (typeof v === 'string' && v ? v : undefined)
const list = (v: unknown) => {
  const l = (Array.isArray(v) ? v : []).filter((x): x is string => typeof x === 'string')
  return l.length > 0 ? l : undefined
}

const index = createRoute({
  getParentRoute: () => appRoute,
  path: '/drills',
  validateSearch: (s: Record<string, unknown>): { q?: string; plan?: string } => ({ q: text(s.q), plan: text(s.plan) }),
  component: lazyRouteComponent(() => import('./Drills')),
})

/** What a plan that is being made is about: in the URL, so that it can be sent to who is to look at it. */
export interface Scope { what?: string; targets?: string[]; node?: string; service?: string; from?: string }

const fresh = createRoute({
  getParentRoute: () => appRoute,
  path: '/drills/new',
  validateSearch: (s: Record<string, unknown>): Scope => ({ what: text(s.what), targets: list(s.targets), node: text(s.node), service: text(s.service), from: text(s.from) }),
  component: lazyRouteComponent(() => import('./NewPlan')),
})

const plan = createRoute({
  getParentRoute: () => appRoute,
  path: '/drills/plans/$name',
  validateSearch: (s: Record<string, unknown>): { service?: string } => ({ service: text(s.service) }),
  component: lazyRouteComponent(() => import('./Plan')),
})

const report = createRoute({ getParentRoute: () => appRoute, path: '/drills/reports/$id', component: lazyRouteComponent(() => import('./Report')) })
const run = createRoute({ getParentRoute: () => appRoute, path: '/drills/$id', component: lazyRouteComponent(() => import('./Run')) })

export const routes = [index, fresh, plan, report, run] as const
