import type { State } from '../shared/Status'
import { stateOf } from '../shared/Status'
import type { Schemas } from './client'

export type EndpointHealth = Schemas['EndpointHealth']

/** An endpoint's state: degraded is up with a part of its weight, or with vantages that do not agree. */
export function endpointState(e: EndpointHealth): State {
  if (e.effective !== 'up') return e.effective
  return e.checks.some((c) => c.circuit === 'half-open' || c.verdict.status === 'down') ? 'degraded' : 'up'
}

export interface Standing {
  state: State
  up: number // healthy and degraded ones
  all: number
  endpoints: EndpointHealth[]
  count: Record<State, number>
  since?: string // of the newest change among those that are not up
}

/** How endpoints stand together. */
export function standing(list: EndpointHealth[]): Standing {
  const count: Record<State, number> = { up: 0, degraded: 0, down: 0, drained: 0, unknown: 0 }
  const parts = list.map(endpointState)
  parts.forEach((p) => count[p]++)
  const since = list.filter((_, i) => parts[i] !== 'up').map((e) => e.since ?? '').sort().at(-1)
  return { state: stateOf(parts), up: count.up + count.degraded, all: list.length, endpoints: list, count, since: since || undefined }
}

/** Endpoints by what a key makes of each. */
export function groupBy(list: EndpointHealth[], key: (e: EndpointHealth) => string): Map<string, Standing> {
  const groups = new Map<string, EndpointHealth[]>()
  for (const e of list) {
    const k = key(e)
    const g = groups.get(k)
    if (g) g.push(e)
    else groups.set(k, [e])
  }
  return new Map([...groups].map(([k, v]) => [k, standing(v)]))
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
