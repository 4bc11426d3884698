import { createRoute, lazyRouteComponent } from '@tanstack/react-router'

import { appRoute } from '../../app/routes'

const text = (v: unknown) => (typeof v === 'string' && v ? v : typeof v === 'number' ? String(v) : undefined)

const drafts = createRoute({
  getParentRoute: () => appRoute,
  path: '/changes',
  validateSearch: (s: Record<string, unknown>): { q?: string } => ({ q: text(s.q) }),
  component: lazyRouteComponent(() => import('./Drafts')),
})

const fresh = createRoute({
  getParentRoute: () => appRoute,
  path: '/changes/new',
  validateSearch: (s: Record<string, unknown>): { object?: string } => ({ object: text(s.object) }),
  component: lazyRouteComponent(() => import('./Propose')),
})

const draft = createRoute({ getParentRoute: () => appRoute, path: '/changes/drafts/$id', component: lazyRouteComponent(() => import('./Draft')) })

const history = createRoute({
  getParentRoute: () => appRoute,
  path: '/changes/history',
  validateSearch: (s: Record<string, unknown>): { q?: string; before?: string } => ({ q: text(s.q), before: text(s.before) }),
  component: lazyRouteComponent(() => import('./History')),
})

const revision = createRoute({
  getParentRoute: () => appRoute,
  path: '/changes/history/$revision',
  validateSearch: (s: Record<string, unknown>): { from?: string } => ({ from: text(s.from) }),
  component: lazyRouteComponent(() => import('./Revision')),
})

export interface AuditSearch { actor?: string; object?: string; kind?: string; request?: string; since?: string; until?: string; refused?: string; before?: string }

const audit = createRoute({
  getParentRoute: () => appRoute,
  path: '/changes/audit',
  validateSearch: (s: Record<string, unknown>): AuditSearch => ({
    actor: text(s.actor), object: text(s.object), kind: text(s.kind), request: text(s.request), since: text(s.since), until: text(s.until),
    refused: s.refused === true || s.refused === 'true' ? 'true' : s.refused === false || s.refused === 'false' ? 'false' : undefined, before: text(s.before),
  }),
  component: lazyRouteComponent(() => import('./Audit')),
})

export const routes = [drafts, fresh, draft, history, revision, audit] as const
