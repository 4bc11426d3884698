import { Group, Text } from '@mantine/core'
import { useState } from 'react'

import type { Schemas } from '../../api/client'
import { Hints } from '../../shared/Hints'
import { Panel } from '../../shared/Panel'
import { type State, StateIcon, StatusBadge } from '../../shared/Status'
import { Time, ago, parseDuration, span, useNow } from '../../shared/Time'
import css from './Health.module.css'
import { expiry, msText, voiceState } from './matrix'

const circuit: Record<string, State> = { closed: 'up', 'half-open': 'degraded', open: 'down' }

/** One monitor's opinion of an endpoint: the verdict, who agreed to it, what each vantage saw, and the verdicts before. */
export function Check({ check }: { check: Schemas['CheckHealth'] }) {
  const v = check.verdict
  const notes = [
    check.circuit && `circuit ${check.circuit}`, v.ramp < 100 && `${v.ramp} % of its weight is back`, v.penalty && parseDuration(v.penalty) > 0 && `a recovery waits ${v.penalty}`,
    v.waits === 'rival' && `another endpoint has what it claims: ${v.rivals?.join(', ')}`, v.waits === 'operator' && 'waits for an operator', v.resumed && 'resumed by an operator',
  ].filter(Boolean).join(' · ')
  return (
    <Panel title={<>Monitor <span className="mono">{check.monitor}</span></>} note={<>{v.since > 0 && <>for <Since ns={v.since} /></>}{notes && ` · ${notes}`}</>}
      actions={<Group gap="md"><Certificate check={check} /><StatusBadge state={check.circuit ? circuit[check.circuit]! : v.status} word={check.circuit === 'half-open' ? 'coming back' : undefined} /></Group>}>
      <div className={css.two}>
        <div>
          <Text size="xs" fw={600} c="dimmed" mb={4}>What vantages see now</Text>
          <Voices check={check} />
        </div>
        <div>
          <Text size="xs" fw={600} c="dimmed" mb={4}>Past verdicts, and who voted</Text>
          <Edges list={check.history ?? []} none="None since this node started." />
        </div>
      </div>
    </Panel>
  )
}

function Since({ ns }: { ns: number }) {
  return <>{span(useNow() - ns / 1e6)}</>
}

/** When the certificate that was shown ends. */
function Certificate({ check }: { check: Schemas['CheckHealth'] }) {
  const now = useNow()
  const e = expiry(check)
  if (!e) return null
  const left = new Date(e.at).getTime() - now
  const state: State = left <= 0 ? 'down' : left < 14 * 86_400_000 ? 'degraded' : 'up'
  return <Group gap={6} wrap="nowrap" title={`as ${e.vantage} saw it`}><StateIcon state={state} /><Text size="xs">{left <= 0 ? 'certificate expired ' : 'certificate expires '}<Time at={e.at} /></Text></Group>
}

function Voices({ check }: { check: Schemas['CheckHealth'] }) {
  const samples = new Map(check.samples?.map((s) => [s.vantage, s]))
  return (
    <Hints><div className={css.scroll} tabIndex={0} role="region" aria-label={`Vantages of ${check.monitor}`}>
      <table className={css.list}>
        <thead><tr><th scope="col">Vantage</th><th scope="col">Says</th><th scope="col">Took</th><th scope="col" className="from-sm">Last probes</th><th scope="col">What it saw</th></tr></thead>
        <tbody>
          {check.reports.map((r) => {
            const s = samples.get(r.vantage)
            return (
              <tr key={r.vantage}>
                <td className="mono">{r.vantage}</td>
                <td><StatusBadge size="xs" state={voiceState(r)} word={r.abstaining ? 'abstains' : r.fresh ? undefined : 'stale'} /></td>
                <td className="num">{r.latency ? msText(parseDuration(r.latency)) : '–'}</td>
                <td className="from-sm">{s && s.samples.length > 0 ? <Dots samples={s.samples} vantage={r.vantage} /> : <Text size="xs" c="dimmed" truncate maw={170} title={s?.error}>{s?.error ?? '–'}</Text>}</td>
                <td><Text span size="xs" c="dimmed">{[r.error ?? r.cause, r.against ? `${r.against} against` : '', ago(-parseDuration(r.age), 0)].filter(Boolean).join(', ')}</Text></td>
              </tr>
            )
          })}
          {check.reports.length === 0 && <tr><td colSpan={5}><Text size="sm" c="dimmed">No vantage has said anything yet.</Text></td></tr>}
        </tbody>
      </table>
    </div></Hints>
  )
}

/** The last probes, the newest on the right; each tells on hover. */
function Dots({ samples, vantage }: { samples: Schemas['Evidence'][]; vantage: string }) {
  const good = samples.filter((s) => s.ok).length
  return (
    <span className={css.dots} role="img" aria-label={`${vantage}: ${good} of the last ${samples.length} probes succeeded`}>
      {[...samples].reverse().map((s) => (
        <span key={s.at} data-hint={`${s.at.slice(11, 19)} UTC, ${msText(parseDuration(s.took))}${s.address ? `, ${s.address}` : ''}${s.error ? `\n${s.error}` : ''}`}><StateIcon state={s.ok ? 'up' : s.refused ? 'unknown' : 'down'} size={9} /></span>
      ))}
    </span>
  )
}

/** Changes of a verdict with the ballots that decided each. */
export function Edges({ list, none }: { list: Schemas['VerdictEdge'][]; none: string }) {
  const [all, setAll] = useState(false)
  if (list.length === 0) return <Text size="sm" c="dimmed">{none}</Text>
  const shown = all ? list : list.slice(0, 4)
  return (
    <>
      {shown.map((edge) => (
        <div key={`${edge.index} ${edge.at}`} className={css.edge}>
          <Group gap="xs" justify="space-between">
            <Group gap={6}><StatusBadge size="xs" state={edge.was} /><Text span size="xs" c="dimmed">→</Text><StatusBadge size="xs" state={edge.circuit ? circuit[edge.circuit]! : edge.status} /></Group>
            <Text size="xs" c="dimmed"><Time at={edge.at} /> · index {edge.index}</Text>
          </Group>
          <Text component="ul" size="xs" c="dimmed" m={0} mt={4} className="plainlist">
            {(edge.ballots ?? []).map((b) => <li key={b.vantage}><span className="mono">{b.vantage}</span>: {b.absent ? `did not vote (${b.absent})` : b.status}{b.error ? `, ${b.error}` : ''}</li>)}
          </Text>
        </div>
      ))}
      {list.length > shown.length && <Text component="button" size="xs" onClick={() => setAll(true)} style={{ background: 'none', border: 0, padding: 0, color: 'var(--m-focus)', cursor: 'pointer' }}>Show all {list.length}</Text>}
    </>
  )
}
