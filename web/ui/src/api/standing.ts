import { type State, stateOf, states } from '../shared/Status'
import type { Schemas } from './client'

export type EndpointHealth = Schemas['EndpointHealth']
export type PoolHealth = Schemas['PoolHealth']

export interface Standing {
  state: State
  up: number // healthy and degraded ones
  all: number
  count: Record<State, number>
  unchecked: number // of the unknown, those that nothing checks
  regions: string[]
  since?: string // of the newest change among those that are not up
}

/** How endpoints stand together, which are counted by pool and region. */
export function standing(groups: readonly PoolHealth[]): Standing {
  const count: Record<State, number> = { up: 0, degraded: 0, down: 0, drained: 0, unknown: 0 }
  let unchecked = 0
  for (const g of groups) {
    states.forEach((s) => { count[s] += g.counts[s] })
    unchecked += g.unchecked
  }
  const since = groups.map((g) => g.since ?? '').sort().at(-1)
  const regions = [...new Set(groups.map((g) => g.region).filter(Boolean))].sort()
  return { state: stateOf(count), up: count.up + count.degraded, all: total(count), count, unchecked, regions, since: since || undefined }
}

/** How many there are in all states. */
export function total(count: Record<State, number>): number {
  return states.reduce((sum, s) => sum + count[s], 0)
}

/** How endpoints stand by what a key makes of each group. */
export function groupBy(list: readonly PoolHealth[], key: (g: PoolHealth) => string): Map<string, Standing> {
  return new Map([...Map.groupBy(list, key)].map(([k, v]) => [k, standing(v)]))
}

/** What vantages have against an endpoint, or what else decided. */
export function reason(e: EndpointHealth): string {
  if (e.why) return e.why
  return [...new Set(e.checks.flatMap((c) => c.reports).filter((r) => r.status === 'down').map((r) => r.error || r.cause || ''))].filter(Boolean).join('; ')
}

/** The pools that a steering tree may answer from. */
export function poolsOf(tree: unknown, templates: Map<string, unknown>, into = new Set<string>(), seen = new Set<string>()): Set<string> {
  if (!tree || typeof tree !== 'object') return into
  const t = tree as Record<string, unknown>
  if (typeof t.pool === 'string') into.add(t.pool)
  if (typeof t.template === 'string' && !seen.has(t.template)) {
    seen.add(t.template)
    poolsOf(templates.get(t.template), templates, into, seen)
  }
  for (const key of ['failover', 'weighted', 'nearest', 'latency', 'geo']) {
    if (Array.isArray(t[key])) for (const branch of t[key] as unknown[]) poolsOf(branch, templates, into, seen)
  }
  for (const key of ['to', 'default', 'lastResort']) poolsOf(t[key], templates, into, seen)
  return into
}
