import { createRoute, lazyRouteComponent } from '@tanstack/react-router'

import { appRoute } from '../../app/routes'

const text = (v: unknown) => (typeof v === 'string' && v ? v : undefined)

export const tabs = ['users', 'tokens', 'roles', 'sign-on', 'notifications', 'geo'] as const
export type Tab = (typeof tabs)[number]

const index = createRoute({
  getParentRoute: () => appRoute,
  path: '/access',
  validateSearch: (s: Record<string, unknown>): { tab?: Tab; q?: string; address?: string } => ({
    tab: tabs.find((t) => t === s.tab), q: text(s.q), address: text(s.address),
  }),
  component: lazyRouteComponent(() => import('./Access')),
})

export const routes = [index] as const
