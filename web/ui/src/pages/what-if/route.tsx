import { createRoute, lazyRouteComponent } from '@tanstack/react-router'

import { appRoute } from '../../app/routes'

const text = (v: unknown) => (typeof v === 'string' && v ? v : undefined)
const texts = (v: unknown) => {
  const list = (Array.isArray(v) ? v : [v]).filter((t): t is string => typeof t === 'string' && t !== '').slice(0, 32)
  return list.length > 0 ? list : undefined
}

export type Show = 'then' | 'now' | 'moved'

export interface Question {
  name?: string
  type?: string
  client?: string
  assume?: string[]
  draft?: string
  show?: Show // what the map is coloured by
}

const index = createRoute({
  getParentRoute: () => appRoute,
  path: '/what-if',
  validateSearch: (s: Record<string, unknown>): Question => ({
    name: text(s.name), type: text(s.type), client: text(s.client), assume: texts(s.assume), draft: text(s.draft),
    show: s.show === 'now' || s.show === 'moved' ? s.show : undefined,
  }),
  component: lazyRouteComponent(() => import('./WhatIf')),
})

export const routes = [index] as const
