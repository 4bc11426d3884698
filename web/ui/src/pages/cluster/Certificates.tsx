import { Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'

import { get } from '../../api/queries'
import { type Column, DataTable } from '../../shared/DataTable'
import { Go } from '../../shared/Go'
import { Panel } from '../../shared/Panel'
import { StatusBadge } from '../../shared/Status'

const day = 86_400_000

/** Until when a certificate of the cluster port is good: those renew themselves, so that it is news only when one has not. */
export function Until({ expires, soon }: { expires: string; soon: boolean }) {
  const left = new Date(expires).getTime() - Date.now()
  return soon ? <StatusBadge state={left < 7 * day ? 'down' : 'degraded'} word={left < 0 ? 'expired' : `${Math.floor(left / day)} days left`} /> : <span className="num" title={expires}>{expires.slice(0, 10)}</span>
}

/** Certificates of what is answered with, as the probes saw them. */
export function Certificates() {
  const items = useQuery(get('/health')).data?.body.items
  const rows = useMemo(() => {
    const out = new Map<string, { endpoint: string; expiry: string; vantages: number }>()
    for (const e of items ?? []) for (const k of e.checks) for (const v of k.samples ?? []) {
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
  if (!items) return null
  return (
    <Panel title="Certificates of endpoints" note="as probes with TLS saw them">
      {rows.length === 0 ? <Text size="sm" c="dimmed">No monitor has shaken hands with TLS lately. A monitor with https or tls tells here when a certificate ends.</Text>
        : <DataTable label="Certificates of endpoints" rows={rows} columns={columns} id={(r) => r.endpoint} height="360px" />}
    </Panel>
  )
}
