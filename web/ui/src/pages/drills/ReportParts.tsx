import { Stack, Text } from '@mantine/core'
import { useMemo } from 'react'

import type { Schemas } from '../../api/client'
import { type Column, DataTable } from '../../shared/DataTable'
import { countryName } from '../../shared/Effect'
import { StatusBadge } from '../../shared/Status'
import { Time, parseDuration, span } from '../../shared/Time'
import css from './Drills.module.css'
import { type Report, after, exact } from './words'

type Node = Schemas['ReportNode']

/** When each node answered without what left, what others saw of it as clients, and until when resolvers may have held what it had said. */
export function Nodes({ nodes, at }: { nodes: Node[]; at: Report['at'] }) {
  const start = at.decided ? new Date(at.decided).getTime() : undefined
  const asked = nodes.some((n) => n.asked)
  const columns = useMemo<Column<Node>[]>(() => {
    const when = (t?: string, none = 'not') => (!t ? <Text span size="sm" c="dimmed">{none}</Text> : start === undefined ? <Time at={t} full /> : <span className="num" title={t}>{after(start, t)}</span>)
    return [
      { key: 'node', title: 'Node', width: 'minmax(116px, 1fr)', sort: (n) => n.node, cell: (n) => <b className="mono">{n.node}</b> },
      { key: 'told', title: 'Told', width: '104px', cell: (n) => <StatusBadge state={n.reachable ? 'up' : 'down'} word={n.reachable ? 'told' : 'not reached'} /> },
      { key: 'published', title: 'Answers by it', width: '100px', align: 'right', cell: (n) => when(n.publishedAt) },
      { key: 'last', title: 'Last old', width: 'minmax(96px, 1fr)', align: 'right', cell: (n) => when(n.lastAnswerAt, 'none') },
      ...(asked ? [
        { key: 'asked', title: 'Asked, got', width: '96px', align: 'right' as const, sort: (n: Node) => (n.asked ? (n.answered ?? 0) / n.asked : 2), cell: (n: Node) => n.asked ? <span className="num" style={{ color: (n.answered ?? 0) < n.asked ? 'var(--m-down-text)' : undefined }}>{n.asked}, {(n.answered ?? 0) === n.asked ? 'all' : n.answered ?? 0}</span> : <Text span size="sm" c="dimmed">not</Text> },
        { key: 'seen', title: 'Last seen', width: 'minmax(80px, 1fr)', align: 'right' as const, cell: (n: Node) => when(n.lastSeenAt, 'never') },
      ] : []),
      { key: 'ttl', title: 'TTL', width: '60px', align: 'right', cell: (n) => n.maxTTL !== undefined ? <span className="num">{n.maxTTL} s</span> : '' },
      { key: 'closed', title: 'Closed', width: 'minmax(98px, 1fr)', align: 'right', cell: (n) => when(n.closesAt) },
    ]
  }, [start, asked])
  return (
    <Stack gap="md">
      {start !== undefined && nodes.length <= 24 && <Picture nodes={nodes} start={start} />}
      <DataTable label="Nodes" rows={nodes} columns={columns} id={(n) => n.node} height="400px" />
      {asked && <Text size="xs" c="dimmed">“Last old”: the last answer that named what left, by the node itself. “Asked”: questions that the nodes put to its DNS as clients, 20 a second at first. “Last seen”: the last such answer that they got.</Text>}
    </Stack>
  )
}

/** One clock for all nodes, from the decision on: until when each gave the old answer, and until when resolvers may have held it. */
function Picture({ nodes, start }: { nodes: Node[]; start: number }) {
  const ms = (t?: string) => (t ? Math.max(new Date(t).getTime() - start, 0) : undefined)
  const end = Math.max(1, ...nodes.flatMap((n) => [ms(n.publishedAt) ?? 0, ms(n.lastAnswerAt) ?? 0, ms(n.lastSeenAt) ?? 0, ms(n.closesAt) ?? 0]))
  const left = (v: number) => `${(v / end) * 100}%`
  return (
    <div>
      <ul className={css.nodes}>
        {nodes.map((n) => {
          const served = Math.max(ms(n.publishedAt) ?? 0, ms(n.lastAnswerAt) ?? 0)
          const seen = ms(n.lastSeenAt), closes = ms(n.closesAt)
          const text = [n.publishedAt && `answers by it ${after(start, n.publishedAt)}`, n.lastSeenAt && `last seen ${after(start, n.lastSeenAt)}`, n.closesAt && `window closed ${after(start, n.closesAt)}`].filter(Boolean).join(', ')
          return (
            <li key={n.node}>
              <b className="mono">{n.node}</b>
              <span className={css.lane} role="img" aria-label={`${n.node}: ${text || 'nothing is known'}`} title={text}>
                {closes !== undefined && <i data-part="window" style={{ width: left(closes) }} />}
                {served > 0 && <i data-part="old" style={{ width: left(served) }} />}
                {seen !== undefined && <i data-part="seen" style={{ left: left(seen) }} />}
              </span>
            </li>
          )
        })}
        <li aria-hidden="true"><span /><span className={css.axis}>{[0, 0.25, 0.5, 0.75, 1].map((f) => <small key={f} className="num">{f === 0 ? 'decided' : `+${exact(end * f)}`}</small>)}</span></li>
      </ul>
      <div className="legend">
        <span><i className="swatch" style={{ background: 'var(--m-down)' }} />gave the old answer</span>
        <span><i className="swatch" style={{ background: 'var(--m-drained)' }} />resolvers may hold it</span>
        {nodes.some((n) => n.lastSeenAt) && <span><i className="swatch" style={{ background: 'var(--mantine-color-text)', width: 3 }} />last seen by a client</span>}
      </div>
    </div>
  )
}

/** Clients that came to what had left though no well-behaved resolver could send them there any more. */
export function Residual({ of }: { of: Schemas['ReportResidual'] }) {
  const columns = useMemo<Column<Schemas['Residual']>[]>(() => [
    { key: 'client', title: 'Network', width: 'minmax(140px, 1fr)', cell: (r) => <span className="mono">{r.client}</span> },
    { key: 'where', title: 'Where', width: 'minmax(140px, 1fr)', cell: (r) => [r.country ? countryName(r.country) : '', r.asn ? `AS${r.asn}` : ''].filter(Boolean).join(', ') || 'unknown' },
    { key: 'to', title: 'Came to', width: 'minmax(130px, 1fr)', cell: (r) => <span className="mono">{r.to}</span> },
    ...(of.top.some((r) => r.source) ? [{ key: 'source', title: 'Says', width: '120px', cell: (r: Schemas['Residual']) => r.source ?? '' }] : []),
    { key: 'first', title: 'From', width: '150px', align: 'right', cell: (r) => <Time at={r.firstAt} full /> },
    { key: 'count', title: 'Times', width: '80px', align: 'right', cell: (r) => <span className="num">{r.count}</span> },
    { key: 'after', title: 'Until', width: '150px', align: 'right', cell: (r) => <span className="num" title={r.lastAt}>{span(parseDuration(r.after))} after it</span> },
  ], [of])
  if (of.clients === 0) return <Text size="sm">Nobody, as far as the logs that were sent in say.</Text>
  return <DataTable label="Clients that came after the window" rows={of.top} columns={columns} id={(r) => `${r.client} ${r.to} ${r.source ?? ''}`} />
}
