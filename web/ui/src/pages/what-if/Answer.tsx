import { Group, Text } from '@mantine/core'

import type { Explained } from '../../api/explain'
import { countryName } from '../../shared/Effect'
import { count } from '../../shared/number'
import { told } from '../../shared/reasons'
import { percent } from '../../shared/Share'
import { StateIcon, type State, urgency } from '../../shared/Status'
import css from './WhatIf.module.css'

const outcome: Record<string, string> = {
  answer: 'by steering', nodata: 'nothing of that type', static: 'records of the zone', nxdomain: 'no such name', refused: 'no zone of this node',
}

const key = (d: Explained['distribution'][number]) => d.answers.join(' ')

/** What is answered, and how it differs from another answer. */
export function Answer({ title, x, other }: { title: string; x: Explained; other?: Explained }) {
  const before = new Map(other?.distribution.map((d) => [key(d), d.probability]))
  return (
    <div className={css.answer} data-then={other ? true : undefined}>
      <Group justify="space-between" gap="xs" mb={4}><Text size="xs" fw={650} c="dimmed">{title}</Text><Text size="xs" c="dimmed">{outcome[x.result ?? 'answer']} · TTL {x.ttl} s</Text></Group>
      {x.distribution.length === 0 && <Text fw={600}>No records</Text>}
      <table className="shares"><tbody>
        {x.distribution.slice(0, 8).map((d, i) => {
          const was = other ? before.get(key(d)) ?? 0 : d.probability
          const by = d.probability - was
          return (
            <tr key={i}>
              <th scope="row"><span className={`mono ${css.data}`}>{d.answers.join(' ')}</span></th>
              <td className="mono">{d.regions?.join(', ') || d.endpoints?.join(', ')}</td>
              <td className="num">{percent(d.probability)}{Math.abs(by) > 0.0005 && <Text span size="xs" c="dimmed"> {by > 0 ? '+' : '−'}{percent(Math.abs(by))}</Text>}</td>
            </tr>
          )
        })}
      </tbody></table>
      {x.distribution.length > 8 && <Text size="xs" c="dimmed">and {x.distribution.length - 8} more</Text>}
      <Text size="xs" c="dimmed" mt={6}>
        {x.place?.located ? `The client is taken to be in ${countryName(x.place.country ?? '')}${x.place.city ? `, ${x.place.city}` : ''}, on the word of ${x.place.source}. ` : 'Where the client is, is not known. '}
        {x.tier ? `Answered from ${x.tier}. ` : ''}{x.sticky ? `Sticky: ${x.sticky}. ` : ''}{x.scope === undefined ? '' : x.scope === 0 ? 'The same for every client there.' : `Good for the client's /${x.scope}.`}
      </Text>
    </div>
  )
}

/** The reasons of an answer in order; those that were not given before stand out. */
export function Reasons({ x, other }: { x: Explained; other?: Explained }) {
  return (
    <ol className={css.reasons}>
      {told(x.reasons, other && new Set(other.reasons)).map((r, i) => <li key={i} data-new={r.fresh || undefined}>{r.fresh && <span className="visually-hidden">Only then: </span>}{r.text}</li>)}
    </ol>
  )
}

const most = 16

/** Endpoints as they entered the decision; of many, those that are not well first. */
export function Standings({ x }: { x: Explained }) {
  const all = x.endpoints ?? []
  if (all.length === 0) return null
  const list = all.map((e): { e: typeof e; state: State } => ({ e, state: e.drained ? 'drained' : e.status === 'up' || e.status === 'down' ? e.status : 'unknown' }))
  if (list.length > most) list.sort((a, b) => urgency[a.state] - urgency[b.state])
  return (
    <div className={css.standings}>
      {list.slice(0, most).map(({ e, state }) => {
        return <div key={e.endpoint}><StateIcon state={state} size={11} /><span className="mono">{e.endpoint.replace(/^endpoint\//, '')}</span><span>{[e.status, e.drained && `drained by ${e.drained}`, e.forced && `forced by ${e.forced}`, e.why, e.quorum].filter(Boolean).join(', ')}</span></div>
      })}
      {list.length > most && <Text size="xs" c="dimmed">and {count(list.length - most)} more</Text>}
    </div>
  )
}
