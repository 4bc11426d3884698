import { Skeleton, Text } from '@mantine/core'
import { useQueries, useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'

import { bare } from '../../api/names'
import { get } from '../../api/queries'
import { type Column, DataTable } from '../../shared/DataTable'
import { Go } from '../../shared/Go'
import { Panel } from '../../shared/Panel'
import { StatusBadge } from '../../shared/Status'

const day = 86_400_000
const most = 24 // endpoints that are asked for one by one

/** Until when a certificate of the cluster port is good: those renew themselves, so that it is news only when one has not. */
export function Until({ expires, soon }: { expires: string; soon: boolean }) {
  const left = new Date(expires).getTime() - Date.now()
  return soon ? <StatusBadge state={left < 7 * day ? 'down' : 'degraded'} word={left < 0 ? 'expired' : `${Math.floor(left / day)} days left`} /> : <span className="num" title={expires}>{expires.slice(0, 10)}</span>
}

/** Certificates of what is answered with, as the probes saw them. */
export function Certificates() {
  const monitors = useQuery(get('/monitors')).data?.body.items
  const tls = useMemo(() => (monitors ?? []).filter((m) => m.https || m.tls).map((m) => m.name), [monitors])
  const checked = useQueries({
    queries: tls.map((monitor) => get('/health', { params: { query: { monitor, limit: most } } })),
    combine: (all) => ({ endpoints: [...new Set(all.flatMap((q) => q.data?.body.items.map((e) => e.endpoint) ?? []))], more: all.some((q) => q.data?.body.next) }),
  })
  const shown = checked.endpoints.slice(0, most)
  const { items, waits } = useQueries({ // what each saw is in an endpoint's own answer alone
    queries: shown.map((e) => ({ ...get('/health/{endpoint}', { params: { path: { endpoint: bare(e) } } }), staleTime: 300_000 })),
    combine: (all) => ({ items: all.flatMap((q) => (q.data ? [q.data.body] : [])), waits: all.some((q) => q.isPending) }),
  })
  const rows = useMemo(() => {
    const out = new Map<string, { endpoint: string; expiry: string; vantages: number }>()
    for (const e of items) for (const k of e.checks) for (const v of k.samples ?? []) {
      const t = v.samples.find((s) => s.tlsExpiry)?.tlsExpiry
      if (!t) continue
      const was = out.get(e.endpoint)
      out.set(e.endpoint, { endpoint: e.endpoint, expiry: was && was.expiry < t ? was.expiry : t, vantages: (was?.vantages ?? 0) + 1 })
    }
    return [...out.values()].sort((a, b) => a.expiry.localeCompare(b.expiry))
  }, [items])
  const columns = useMemo<Column<(typeof rows)[number]>[]>(() => [
    { key: 'endpoint', title: 'Endpoint', width: 'minmax(180px, 2fr)', cell: (r) => <Go to="/health" search={{ q: r.endpoint.replace('endpoint/', '') }} className="mono">{r.endpoint.replace('endpoint/', '')}</Go> },
    { key: 'left', title: 'Expires', width: '150px', sort: (r) => r.expiry, cell: (r) => { const d = (new Date(r.expiry).getTime() - Date.now()) / day; return <StatusBadge state={d < 7 ? 'down' : d < 21 ? 'degraded' : 'up'} word={d < 0 ? 'expired' : `in ${Math.floor(d)} days`} /> } },
    { key: 'at', title: 'On', width: '130px', cell: (r) => <span className="num">{r.expiry.slice(0, 10)}</span> },
    { key: 'vantages', title: 'Seen by', width: '110px', align: 'right', cell: (r) => <span className="num">{r.vantages} vantage{r.vantages === 1 ? '' : 's'}</span> },
  ], [])
  return (
    <Panel title="Certificates of endpoints" note="as probes with TLS saw them">
      {rows.length === 0 ? (waits || !monitors) ? <Skeleton height={40} /> : <Text size="sm" c="dimmed">No monitor has shaken hands with TLS lately. A monitor with https or tls tells here when a certificate ends.</Text>
        : <DataTable label="Certificates of endpoints" rows={rows} columns={columns} id={(r) => r.endpoint} height="360px" />}
      {(checked.more || checked.endpoints.length > most) && <Text size="xs" c="dimmed" mt="xs">Of the first {most} endpoints that are checked with TLS. Each endpoint's own page has its certificate, and <span className="mono">minDaysLeft</span> of a monitor fails before one ends.</Text>}
    </Panel>
  )
}
