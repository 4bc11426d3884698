import { Group, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'

import { useCluster } from '../../api/guard'
import { bare } from '../../api/names'
import { get } from '../../api/queries'
import { type Standing, groupBy, reason } from '../../api/standing'
import { count } from '../../shared/number'
import { type State, StateIcon, stateWord } from '../../shared/Status'
import { Time, parseDuration, span } from '../../shared/Time'
import { Go } from '../../shared/Go'
import { wrongQuery } from './ask'

const few = 5 // endpoints of a region that are told one by one, where there are not many in all

interface Trouble { key: string; state: State; what: ReactNode; why?: string; since?: string; to: ReactNode; rank: number }

const health = (q: string, text: string) => <Go to="/health" search={{ q }} size="sm">{text}</Go>

/** All that is not as it should be, the worst first: what, why, and since when. */
export function useTroubles(): Trouble[] | undefined {
  const groups = useQuery(get('/pool-health')).data?.body.items
  const bad = useQuery(wrongQuery).data?.body.items
  const controls = useQuery(get('/controls')).data?.body.items
  const safety = useQuery(get('/safety')).data?.body.items
  const cluster = useCluster().data?.body
  if (!groups || !bad || !controls || !safety || !cluster) return undefined
  const list: Trouble[] = []
  if (!cluster.leader) list.push({ key: 'leader', rank: 0, state: 'down', what: 'The cluster has no leader', why: cluster.problem, to: <Go to="/cluster" size="sm">Cluster</Go> })
  for (const m of cluster.members) if (!m.reachable) list.push({ key: m.id, rank: 1, state: 'down', what: <>Node <b className="mono">{m.node}</b> cannot be reached</>, why: `last heard ${span(parseDuration(m.lastHeard))} ago`, to: <Go to="/cluster" size="sm">Cluster</Go> })
  for (const w of cluster.warnings ?? []) list.push({ key: w, rank: 1, state: 'degraded', what: w, to: <Go to="/cluster" size="sm">Cluster</Go> })
  const unchecked = groups.reduce((sum, g) => sum + g.unchecked, 0)
  if (unchecked > 3) list.push({ key: 'unchecked', rank: 4, state: 'unknown', what: <><b className="num">{count(unchecked)}</b> endpoints are checked by nothing</>, why: 'no monitor is named by them or their pools, so nobody can tell whether they are well', to: <Go to="/health" search={{ state: 'unknown' }} size="sm">Health</Go> })
  const told = bad.filter((e) => unchecked <= 3 || e.checks.length > 0 || e.state !== 'unknown')
  const standings = groupBy(groups, (g) => g.region)
  const silent = (s: Standing) => s.count.unknown > 0 && s.count.down + s.count.degraded === 0 && s.unchecked === 0
  const waited = [...standings.values()].filter(silent)
  const fresh = waited.length > few // as after a start: one cause, and one line
  if (fresh) list.push({ key: 'unknown', rank: 3, state: 'unknown', what: <>Nothing is known of <b className="num">{count(waited.reduce((sum, s) => sum + s.count.unknown, 0))}</b> endpoints in {waited.length} regions</>, why: 'they were not probed yet, or too few vantages have told', since: waited.map((s) => s.since ?? '').sort().at(-1) || undefined, to: <Go to="/health" search={{ state: 'unknown' }} size="sm">Health</Go> })
  for (const [region, s] of standings) {
    if (fresh && silent(s)) continue
    const here = told.filter((e) => e.region === region)
    const wrong = s.count.degraded + s.count.down + s.count.unknown - (unchecked > 3 ? s.unchecked : 0)
    if (wrong === 0) continue
    const first = here[0] && reason(here[0])
    if (s.count.down === s.all && region) list.push({ key: 'r/' + region, rank: 2, state: 'down', what: <>Region <b className="mono">{region}</b> is down: {s.all === 1 ? 'its only endpoint does not answer' : `none of its ${s.all} endpoints answers`}</>, why: first, since: s.since, to: health(region, 'Health') })
    else if (wrong > (told.length > 2 * few ? 1 : few) || here.length < wrong) list.push({ key: 'r/' + region, rank: s.count.down > 0 ? 3 : 4, state: s.count.down > 0 ? 'down' : s.count.unknown > 0 ? 'unknown' : 'degraded', what: <><b className="num">{wrong}</b> of {s.all} endpoints in {region ? <b className="mono">{region}</b> : 'no region'} are not well</>, why: first, since: s.since, to: <Go to="/health" search={{ q: region || undefined, state: 'wrong' }} size="sm">Health</Go> })
    else for (const e of here) list.push({ key: e.endpoint, rank: e.state === 'down' ? 3 : 4, state: e.state, what: <><b className="mono">{bare(e.endpoint)}</b> in {region || 'no region'} is {stateWord[e.state]}</>, why: reason(e), since: e.since, to: health(bare(e.endpoint), 'Health') })
  }
  for (const s of safety) if (s.state === 'broken' || s.state === 'unhealthy' || s.state === 'acting') list.push({ key: 's/' + s.rule, rank: 2, state: 'degraded', what: <>Safety rule <b className="mono">{s.rule}</b> is {s.state}</>, why: s.says.join('; '), to: null })
  for (const c of controls) {
    list.push({ key: c.id, rank: c.problem ? 2 : 5, state: c.problem ? 'degraded' : 'drained', since: c.createdAt, why: c.problem || c.reason, to: <Text span size="sm" c="dimmed" className="mono">{c.id}</Text>,
      what: <><b className="mono">{c.target}</b>: {c.action}{c.kept !== undefined && (c.action !== 'drain' || c.kept > 0) ? `, keeps ${c.kept}\u00a0%` : ''}{c.phase !== 'in-force' ? `, ${c.phase}` : c.window.state === 'draining' ? ', until the TTL window has closed' : ''}</> })
  }
  return list.sort((a, b) => a.rank - b.rank || (b.since ?? '').localeCompare(a.since ?? ''))
}

export function Wrong({ troubles, old }: { troubles: Trouble[]; old: boolean }) {
  if (troubles.length === 0) {
    return <Group gap={8} py={6}><StateIcon state={old ? 'unknown' : 'up'} size={14} /><Text size="sm">{old ? 'Nothing was wrong when this node was last heard.' : 'Everything is up, and nothing is overridden.'}</Text></Group>
  }
  return (
    <Stack gap={0} component="ul" className="plainlist">
      {troubles.slice(0, 12).map((t) => (
        <li key={t.key} className="trouble">
          <StateIcon state={t.state} size={13} />
          <div>
            <Text size="sm" lh={1.35}>{t.what}</Text>
            {t.why && <Text size="xs" c="dimmed" lineClamp={2}>{t.why}</Text>}
          </div>
          <Stack gap={0} align="flex-end">
            {t.since && <Text size="xs" c="dimmed" className="num"><Time at={t.since} /></Text>}
            {t.to}
          </Stack>
        </li>
      ))}
      {troubles.length > 12 && <Text size="sm" c="dimmed" pt={8} component="li">and {count(troubles.length - 12)} more: <Go to="/health" search={{ state: 'wrong' }} size="sm">all that is not well</Go></Text>}
    </Stack>
  )
}
