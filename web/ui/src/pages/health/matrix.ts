import type { Schemas } from '../../api/client'
import { bare } from '../../api/names'
import type { EndpointHealth } from '../../api/standing'
import type { State } from '../../shared/Status'
import { age, parseDuration } from '../../shared/Time'

type Voice = Schemas['HealthVoice']

/** What one vantage says of one endpoint: the worst of its checks. */
export interface Cell { state: State; ms?: number; text: string }

const rank: Record<State, number> = { down: 4, degraded: 3, unknown: 2, drained: 1, up: 0 }

export function voiceState(v: Voice): State {
  if (!v.fresh || v.abstaining) return 'unknown'
  if (v.status === 'up') return (v.against ?? 0) > 0 ? 'degraded' : 'up'
  return v.status
}

/** Milliseconds for people: 0.4 ms, 12 ms, 1.2 s. */
export function msText(ms: number): string {
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)} s`
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`
}

export function voiceText(v: Voice): string {
  const parts = [v.status === 'up' ? 'up' : v.status]
  if (v.abstaining) parts.push('abstains: it reaches none of its own reference targets')
  else if (!v.fresh) parts.push('too old to count')
  if (v.against) parts.push(`${v.against} sample${v.against === 1 ? '' : 's'} in a row against it`)
  if (v.latency) parts.push(msText(parseDuration(v.latency)))
  const why = v.error ?? v.cause
  if (why) parts.push(why)
  return `${parts.join(', ')}; ${age(v.age)} old`
}

/** The vantages of a list of endpoints, signals last. */
export function vantages(list: readonly EndpointHealth[]): string[] {
  const names = new Set(list.flatMap((e) => e.checks.flatMap((c) => c.reports.map((r) => r.vantage))))
  return [...names].sort((a, b) => Number(a.startsWith('signal/')) - Number(b.startsWith('signal/')) || a.localeCompare(b, undefined, { numeric: true }))
}

/** A row of the matrix, by vantage. */
export function cells(e: EndpointHealth): Map<string, Cell> {
  const row = new Map<string, Cell>()
  for (const check of e.checks) {
    for (const v of check.reports) {
      const state = voiceState(v)
      const text = `${check.monitor}: ${voiceText(v)}`
      const ms = v.latency ? parseDuration(v.latency) : undefined
      const had = row.get(v.vantage)
      if (!had) row.set(v.vantage, { state, ms, text })
      else row.set(v.vantage, { state: rank[state] > rank[had.state] ? state : had.state, ms: ms === undefined ? had.ms : Math.max(ms, had.ms ?? 0), text: `${had.text}\n${text}` })
    }
  }
  return row
}

export interface Row { e: EndpointHealth; cells: Map<string, Cell>; id: string }

/** The matrix's rows, by the checks of one monitor or of all. */
export function rowsOf(list: readonly EndpointHealth[], monitor?: string): Row[] {
  return list.map((e) => ({ e, cells: cells(monitor ? { ...e, checks: e.checks.filter((c) => c.monitor === monitor) } : e), id: bare(e.endpoint) }))
}

/** The soonest end of the certificates that were seen, and by whom. */
export function expiry(check: Schemas['CheckHealth']): { at: string; vantage: string } | undefined {
  let first: { at: string; vantage: string } | undefined
  for (const v of check.samples ?? []) {
    const at = v.samples.find((s) => s.tlsExpiry)?.tlsExpiry
    if (at && (!first || at < first.at)) first = { at, vantage: v.vantage }
  }
  return first
}
