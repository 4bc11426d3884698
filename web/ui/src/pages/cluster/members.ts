import type { Schemas } from '../../api/client'
import type { State } from '../../shared/Status'
import { parseDuration, span } from '../../shared/Time'

export type Cluster = Schemas['ClusterStatus']
export type Member = Schemas['MemberStatus']

/** What a member is in the cluster. */
export function roleOf(m: Member, c: Cluster): 'leader' | 'voter' | 'learner' | 'agent' {
  return m.agent ? 'agent' : m.node === c.leader ? 'leader' : m.voter ? 'voter' : 'learner'
}

/** How far a member's state is behind the newest that any has, in the log; undefined where it could not be asked. What is committed may be further: not all of the log is state. */
export function lag(m: Member, c: Cluster): number | undefined {
  return m.agent || m.applied === undefined ? undefined : Math.max(c.applied, ...c.members.map((x) => x.applied ?? 0)) - m.applied
}

/** A member's state: down when it cannot be reached, degraded while it lags or answers by what is old. */
export function memberState(m: Member, c: Cluster): State {
  if (m.agent) return parseDuration(m.lastHeard) < 10_000 ? 'up' : 'down'
  if (!m.reachable) return 'down'
  const behind = lag(m, c) ?? 0
  return behind > 50 || (m.published && m.applied !== undefined && m.applied - m.published.index > 50) ? 'degraded' : 'up'
}

/** How the votes stand: how many there are, how many can be reached, and how many more may be lost. */
export function quorum(c: Cluster): { voters: number; up: number; needs: number; spare: number } {
  const voters = c.members.filter((m) => m.voter)
  const up = voters.filter((m) => m.reachable).length
  const needs = Math.floor(voters.length / 2) + 1
  return { voters: voters.length, up, needs, spare: up - needs }
}

/** How far a member's clock is from that of the node that is asked: "+1.2 ms", with half of the round trip it was measured by. */
export function clockText(m: Member): string | undefined {
  if (!m.clock) return undefined
  const ms = signed(m.clock.difference)
  return `${ms < 0 ? '−' : '+'}${short(Math.abs(ms))} ± ${short(signed(m.clock.uncertainty))}`
}

const signed = (d: string | number) => (String(d).startsWith('-') ? -1 : 1) * parseDuration(d)
const short = (ms: number) => (ms < 10 ? `${ms.toFixed(1)} ms` : ms < 1000 ? `${Math.round(ms)} ms` : ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : span(ms))
