import { useQuery } from '@tanstack/react-query'

import type { Schemas } from '../api/client'
import { bare } from '../api/names'
import { get } from '../api/queries'
import { useZone } from './prefs'
import { percent } from './Share'
import { type Span, spans } from './spans'
import { fullTime, useNow } from './Time'

const bars = 96

export interface Bar { from: number; to: number; status: 'up' | 'down' | 'unknown' | 'none'; down: number }

/** A time line as bars of one length: at their worst, so that no short failure is lost. */
export function barsOf(points: readonly Schemas['TimelinePoint'][], from: number, to: number, step: number, count = bars): Bar[] {
  const width = (to - from) / count
  const list = Array.from({ length: count }, (_, i): Bar => ({ from: from + i * width, to: from + (i + 1) * width, status: 'none', down: 0 }))
  const rank = { none: 0, up: 1, unknown: 2, down: 3 }
  for (const p of points) {
    const at = new Date(p.at).getTime()
    const first = Math.max(0, Math.floor((at - from) / width))
    const last = Math.min(count - 1, Math.ceil((at + step - from) / width) - 1)
    for (let i = first; i <= last; i++) {
      const b = list[i]!
      if (rank[p.status] > rank[b.status]) b.status = p.status
      b.down = Math.max(b.down, p.down)
    }
  }
  return list
}

/** The share of the time of which something is known that it was not down. */
export function uptime(points: readonly Schemas['TimelinePoint'][]): number | undefined {
  const known = points.filter((p) => p.status !== 'unknown' || p.down > 0)
  return known.length ? 1 - known.reduce((sum, p) => sum + p.down, 0) / known.length : undefined
}

const stepOf = (text: string) => { let ms = 0; for (const [, n, u] of text.matchAll(/([\d.]+)([hms])/g)) ms += Number(n) * { h: 3_600_000, m: 60_000, s: 1000 }[u as 'h']; return ms }

/** How an endpoint was over a time, in bars, with its share of time that it was up. */
export function HealthStrip({ endpoint, over }: { endpoint: string; over: Span }) {
  const [zone] = useZone()
  const minute = Math.floor(useNow() / 60_000) * 60_000 // so that it is asked for once a minute at most
  const from = new Date(minute - spans[over] * 1000 + (over === '90d' ? 300_000 : 0)).toISOString() // what is older than 90 days is refused, by the node's clock
  const q = useQuery({
    ...get('/health/{endpoint}/history', { params: { path: { endpoint: bare(endpoint) }, query: { from, to: new Date(minute).toISOString(), step: `${Math.max(10, Math.floor(spans[over] / bars))}s` } } }),
    placeholderData: (old) => old, staleTime: 60_000,
  })
  const h = q.data?.body
  if (!h) return <div className="strip" aria-busy={!q.error}>{q.error ? <small>{q.error.message}</small> : null}</div>
  if (h.checks.length === 0) return <div className="striprow"><div className="strip"><small>nothing checks it</small></div></div>
  const begin = new Date(h.from).getTime(), end = new Date(h.to).getTime(), step = stepOf(String(h.step))
  const points = h.checks.flatMap((c) => c.timeline)
  const up = uptime(points)
  const list = barsOf(points, begin, end, step)
  const failures = h.checks.flatMap((c) => c.changes).filter((c) => c.status === 'down').length
  return (
    <div className="striprow">
      <div className="strip" role="img" aria-label={`${bare(endpoint)} over ${over}: ${up === undefined ? 'nothing is known' : `up ${percent(up)} of the time`}, went down ${failures} times`}>
        {list.map((b) => <i key={b.from} data-status={b.status} title={`${fullTime(new Date(b.from), zone)}: ${b.status === 'none' ? 'nothing is known' : b.down > 0 ? `down for ${percent(b.down)} of it` : b.status}`} />)}
      </div>
      <span className="num stripsum">{up === undefined ? '–' : up === 1 ? '100 %' : `${(up * 100).toFixed(up > 0.99 ? 2 : 1)} %`}</span>
    </div>
  )
}
