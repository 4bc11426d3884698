import { Text } from '@mantine/core'

import type { Schemas } from '../../api/client'
import { useZone } from '../../shared/prefs'
import { type State, StateIcon } from '../../shared/Status'
import { fullTime, span, spoken, useNow } from '../../shared/Time'
import css from './Drills.module.css'
import { type StepRun, kindWord, phaseOf, stepText, track } from './words'

const stepState: Record<StepRun['state'], State> = { waiting: 'unknown', running: 'drained', done: 'up', failed: 'down', skipped: 'unknown', would: 'unknown' }
const stepWord: Record<StepRun['state'], string> = { waiting: 'waits', running: 'goes on', done: 'done', failed: 'failed', skipped: 'skipped', would: 'would be' }

/** Steps in their order, with when each was: one clock for all of them. */
export function Steps({ steps, live, planned }: { steps: readonly StepRun[]; live?: boolean; planned?: boolean }) {
  const tick = useNow()
  const ms = (t?: string) => (t ? new Date(t).getTime() : undefined)
  const now = live ? tick : 0
  const starts = steps.flatMap((s) => ms(s.startedAt) ?? [])
  const from = Math.min(...starts)
  const to = Math.max(...steps.flatMap((s) => [ms(s.endedAt) ?? (s.state === 'running' ? Math.max(now, ms(s.until) ?? 0) : 0)]), from + 1)
  return (
    <ol className={css.steps}>
      {steps.map((s, i) => {
        const a = ms(s.startedAt), b = ms(s.endedAt) ?? (s.state === 'running' && a !== undefined ? Math.max(now, a) : undefined)
        return (
          <li key={`${s.name} ${i}`}>
            <StateIcon state={stepState[s.state]} size={11} />
            <p><b>{s.name}</b>{kindWord(s.kind) !== s.name && <Text span size="xs" c="dimmed"> {kindWord(s.kind)}</Text>}</p>
            <p className={s.text?.includes('/') ? 'mono' : undefined}>{stepText(s)}
              {s.approvedBy?.length ? <Text size="xs" c="dimmed">approved by {s.approvedBy.join(', ')}</Text> : null}
              {s.controls?.length ? <Text size="xs" c="dimmed">{s.state === 'running' || live ? 'has in force' : 'had in force'} <span className="mono">{s.controls.join(', ')}</span></Text> : null}
              {s.code ? <Text size="xs" c="dimmed">answered {s.code}</Text> : null}
              {s.unreachable?.length ? <Text size="xs" c="var(--m-down-text)">could not be asked, may answer as before: {s.unreachable.join(', ')}</Text> : null}
              {s.problem && <Text size="xs" c="var(--m-down-text)">{s.problem}</Text>}
            </p>
            <Text size="xs" c="dimmed" className="num">{planned ? (i > 0 && steps[i - 1]!.group === s.group ? 'with the one before' : '') : s.state === 'would' && a !== undefined ? `+${span(a - from)}` : a !== undefined && b !== undefined && s.state !== 'skipped' ? `${stepWord[s.state]}, ${b - a < 1 ? 'at once' : b - a < 1000 ? `${b - a} ms` : span(b - a)}` : stepWord[s.state]}</Text>
            <span className={css.span} aria-hidden="true" style={planned ? { visibility: 'hidden' } : undefined}>
              {a !== undefined && b !== undefined && <i data-kind={s.kind} data-state={s.state} style={{ left: `${((a - from) / (to - from)) * 100}%`, width: `${((b - a) / (to - from)) * 100}%` }} />}
            </span>
          </li>
        )
      })}
    </ol>
  )
}

/** The phases of a run, and where it is. */
export function Track({ steps }: { steps: readonly StepRun[] }) {
  return (
    <ol className={css.track} aria-label="Phases">
      {track(steps).map((p, i) => (
        <li key={i} data-state={p.state} aria-current={p.state === 'running' ? 'step' : undefined}>
          <StateIcon state={p.state === 'done' ? 'up' : p.state === 'failed' ? 'down' : p.state === 'running' ? 'drained' : 'unknown'} size={10} />
          {phaseOf(p.phase).word}<span className="visually-hidden">: {stepWord[p.state]}</span>
        </li>
      ))}
    </ol>
  )
}

/** What preflight says of each thing. */
export function Checks({ checks }: { checks: readonly Schemas['DrillCheck'][] }) {
  const state = { ok: 'up', warn: 'degraded', fail: 'down' } as const
  const word = { ok: 'good', warn: 'warning', fail: 'fails' }
  const rank = { fail: 0, warn: 1, ok: 2 }
  return (
    <ul className={css.checks} data-told>
      {[...checks].sort((a, b) => rank[a.result] - rank[b.result]).map((c, i) => (
        <li key={i}><StateIcon state={state[c.result]} size={11} /><span><b>{c.name}</b><span className="visually-hidden">: {word[c.result]}</span></span><span>{spoken(c.text)}</span></li>
      ))}
    </ul>
  )
}

/** What happened, the newest first while it goes on. */
export function Notes({ notes, newest }: { notes: readonly Schemas['DrillNote'][]; newest?: boolean }) {
  const [zone] = useZone()
  const list = newest ? [...notes].reverse() : notes
  if (list.length === 0) return <Text size="sm" c="dimmed">Nothing has happened yet.</Text>
  return (
    <ol className={css.notes} tabIndex={0} aria-label="Timeline">
      {list.map((n, i) => {
        const whole = fullTime(new Date(n.at), zone)
        const text = n.text === n.phase ? '' : n.text.startsWith(`${n.phase}: `) ? n.text.slice(n.phase.length + 2) : n.text
        return <li key={i}><time dateTime={n.at} title={whole} className="num">{whole.slice(11, 19)}</time><span><Text span size="xs" c="dimmed">{phaseOf(n.phase).word}{text && ' · '}</Text>{spoken(text)}</span></li>
      })}
    </ol>
  )
}
