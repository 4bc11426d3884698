import { Group, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'

import type { Schemas } from '../../api/client'
import { get } from '../../api/queries'
import { Go } from '../../shared/Go'
import { Panel } from '../../shared/Panel'
import { StateIcon, StatusBadge } from '../../shared/Status'
import { Time, useNow } from '../../shared/Time'
import css from './Drills.module.css'
import { Track } from './Steps'
import { type Drill, clock, kindWord, phaseOf, progress, stepText } from './words'

const about: Record<string, string> = {
  window: 'until no resolver that abides by TTLs holds an answer with what was taken out', 'lower-ttl': 'until answers with the longer TTL are forgotten',
  wait: 'until it goes on',
}

/** How long what goes on now goes on still. */
export function Countdown({ drill }: { drill: Drill }) {
  const now = useNow()
  const p = progress(drill.steps, now)
  const step = p.running.find((s) => s.until && new Date(s.until).getTime() === p.until) ?? p.running[0]
  if (!step) return <Text size="sm">{phaseOf(drill.phase).word}</Text>
  return (
    <div className={css.clock}>
      {p.until !== undefined ? <b role="timer" aria-label="Time left">{clock(p.until - now)}</b> : <b aria-label="Time since">{clock(now - new Date(step.startedAt ?? drill.createdAt).getTime())}</b>}
      <Stack gap={6}>
        <Text size="sm"><b>{step.kind === 'wait' ? step.name : kindWord(step.kind)}</b>{step.text && ` ${stepText(step)}`} <Text span size="sm" c="dimmed">{p.until !== undefined ? about[step.kind] ?? 'at the most' : 'since it began'}</Text></Text>
        {p.share !== undefined && <div className={css.bar} role="progressbar" aria-label={kindWord(step.kind)} aria-valuenow={Math.round(p.share * 100)} aria-valuemin={0} aria-valuemax={100}><i style={{ width: `${p.share * 100}%` }} /></div>}
      </Stack>
    </div>
  )
}

/** A run that goes on, as a list of drills has it. */
export function RunningNow({ drill }: { drill: Drill }) {
  return (
    <Panel className={`panel ${css.running}`} title={<Go to="/drills/$id" params={{ id: drill.id }} fw={600}>{drill.plan.title || drill.plan.name}</Go>} note={<span className="mono">{drill.id}</span>}
      actions={<StatusBadge {...phaseOf(drill.phase)} />}>
      <Stack gap="sm">
        <Countdown drill={drill} />
        <Track steps={drill.steps} />
        <Text size="xs" c="dimmed">Started by {drill.actorName ?? drill.actor}{drill.reason && `: ${drill.reason}`}. All of it is taken back at the latest <Time at={drill.expiresAt} />.</Text>
      </Stack>
    </Panel>
  )
}

const windowState = { publishing: 'degraded', draining: 'drained', drained: 'up', incomplete: 'down' } as const

/** How far each node is with what a control takes out of answers. */
export function ControlWindow({ id }: { id: string }) {
  const q = useQuery({ ...get('/controls/{id}', { params: { path: { id } } }), retry: false, refetchInterval: 3000 })
  const now = useNow()
  const c = q.data?.body
  if (!c) return null
  const w = c.window
  return (
    <Stack gap={6}>
      <Group justify="space-between" gap="xs">
        <Text size="sm"><b className="mono">{c.target}</b> <Text span size="xs" c="dimmed">{c.action}, control {c.id}</Text></Text>
        <StatusBadge state={windowState[w.state]} word={w.state} />
      </Group>
      <ul className={css.checks}>
        {(w.nodes as (Schemas['Publication'] & { maxTTL?: number; closesAt?: string })[]).map((n) => (
          <li key={n.id}>
            <StateIcon state={!n.reachable ? 'down' : n.publishedAt ? 'up' : 'degraded'} size={10} />
            <span className="mono">{n.node}</span>
            <span className="num">{!n.reachable ? `cannot be asked${n.error ? `: ${n.error}` : ''}` : !n.publishedAt ? 'is still to follow' : <>answers by it{n.maxTTL ? `, TTL ${n.maxTTL} s` : ''}{n.closesAt && new Date(n.closesAt).getTime() > now ? `, closes in ${clock(new Date(n.closesAt).getTime() - now)}` : n.closesAt ? ', closed' : ''}</>}</span>
          </li>
        ))}
      </ul>
      {w.stillServed?.length ? <Text size="xs" c="var(--m-down-text)">Still answered, for nothing else is left: {w.stillServed.join(', ')}</Text> : null}
    </Stack>
  )
}
