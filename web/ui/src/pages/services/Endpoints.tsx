import { Text } from '@mantine/core'
import { useMemo, useState } from 'react'

import { bare } from '../../api/names'
import { type EndpointHealth, reason } from '../../api/standing'
import { type Column, DataTable } from '../../shared/DataTable'
import { DrainAction, LiftAction } from '../../shared/Drain'
import { percent } from '../../shared/Share'
import { StatusBadge, urgency } from '../../shared/Status'
import { Time, parseDuration } from '../../shared/Time'
import { Go } from '../../shared/Go'

/** The fastest and the slowest that vantages find an endpoint now. */
export function latency(e: EndpointHealth): string {
  const ms = e.checks.flatMap((c) => c.reports).filter((r) => r.latency && r.status === 'up').map((r) => parseDuration(r.latency))
  if (ms.length === 0) return ''
  const f = (v: number) => (v < 10 ? v.toFixed(1) : v.toFixed(0))
  const [lo, hi] = [Math.min(...ms), Math.max(...ms)]
  return f(lo) === f(hi) ? `${f(lo)} ms` : `${f(lo)} to ${f(hi)} ms`
}

const small = { size: 'compact-xs' } as const

interface Row { e: EndpointHealth; share: number }

/** What a service may answer with, how each is, and the share of the world that it answers. */
export function Endpoints({ endpoints, shares, service }: { endpoints: readonly EndpointHealth[]; shares: Map<string, number>; service: string }) {
  const rows = useMemo<Row[]>(() => endpoints.map((e) => ({ e, share: shares.get(e.endpoint) ?? 0 })), [endpoints, shares])
  const [q, setQ] = useState('')
  const columns = useMemo<Column<Row>[]>(() => [
    { key: 'endpoint', title: 'Endpoint', width: 'minmax(150px, 1.5fr)', sort: (r) => r.e.endpoint, text: (r) => `${r.e.endpoint} ${r.e.region}`, cell: (r) => <Go to="/health" search={{ q: bare(r.e.endpoint) }} size="sm" fw={600} className="mono">{bare(r.e.endpoint)}</Go> },
    { key: 'region', title: 'Region', width: 'minmax(100px, 1fr)', sort: (r) => r.e.region, cell: (r) => <span className="mono">{r.e.region}</span> },
    { key: 'state', title: 'State', width: '112px', sort: (r) => urgency[r.e.state], cell: (r) => <StatusBadge state={r.e.state} /> },
    { key: 'since', title: 'Since', width: '128px', sort: (r) => r.e.since ?? '', cell: (r) => r.e.since ? <Time at={r.e.since} /> : '' },
    { key: 'share', title: 'Of the world', width: '104px', align: 'right', sort: (r) => -r.share, cell: (r) => <span className="num">{percent(r.share)}</span> },
    { key: 'latency', title: 'Round trip', width: '128px', align: 'right', cell: (r) => { const l = latency(r.e); return l && <span className="num">{l}</span> } },
    { key: 'why', title: 'Why', long: true, width: 'minmax(120px, 1.6fr)', cell: (r) => { const w = reason(r.e); return w && <Text span size="xs" c="dimmed" title={w}>{w}</Text> } },
    { key: 'act', title: '', width: '88px', align: 'right', cell: (r) => r.e.controls?.[0]
      ? <LiftAction id={r.e.controls[0]} what={r.e.endpoint} button={small} /> : <DrainAction target={r.e.endpoint} services={[service]} button={small} /> },
  ], [service])
  return <DataTable label="Endpoints" rows={rows} columns={columns} id={(r) => r.e.endpoint} none="Its pools have no endpoints yet." height="460px"
    {...(endpoints.length > 12 ? { sortBy: { key: 'state' }, filter: { value: q, set: setQ, placeholder: 'Endpoint, region' } } : {})} />
}
