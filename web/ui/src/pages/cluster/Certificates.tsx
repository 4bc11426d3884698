import { Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'

import type { Schemas } from '../../api/client'
import { get } from '../../api/queries'
import { type Column, DataTable } from '../../shared/DataTable'
import { Go } from '../../shared/Go'
import { Panel } from '../../shared/Panel'
import { StatusBadge } from '../../shared/Status'
import { Time } from '../../shared/Time'

const day = 86_400_000

/** Until when a certificate of the cluster port is good: those renew themselves, so that it is news only when one has not. */
export function Until({ expires, soon }: { expires: string; soon: boolean }) {
  const left = new Date(expires).getTime() - Date.now()
  return soon ? <StatusBadge state={left < 7 * day ? 'down' : 'degraded'} word={left < 0 ? 'expired' : `${Math.floor(left / day)} days left`} /> : <span className="num" title={expires}>{expires.slice(0, 10)}</span>
}

/** Certificates of what is answered with, as the probes saw them. */
export function Certificates() {
  const list = useQuery({ ...get('/certificates'), refetchInterval: 60_000 }).data?.body
  const columns = useMemo<Column<Schemas['SeenCertificate']>[]>(() => [
    { key: 'endpoint', title: 'Endpoint', width: 'minmax(180px, 2fr)', cell: (r) => <Go to="/health" search={{ q: r.endpoint.replace('endpoint/', '') }} className="mono">{r.endpoint.replace('endpoint/', '')}</Go> },
    { key: 'left', title: 'Expires', width: '150px', sort: (r) => r.expires, cell: (r) => { const d = (new Date(r.expires).getTime() - Date.now()) / day; return <StatusBadge state={d < 7 ? 'down' : d < 21 ? 'degraded' : 'up'} word={d < 0 ? 'expired' : `in ${Math.floor(d)} days`} /> } },
    { key: 'at', title: 'On', width: '130px', cell: (r) => <span className="num">{r.expires.slice(0, 10)}</span> },
    { key: 'monitor', title: 'Monitor', cell: (r) => <span className="mono">{r.monitor}</span> },
    { key: 'seen', title: 'Seen', width: '124px', cell: (r) => <Time at={r.seen} /> },
  ], [])
  if (!list) return null
  return (
    <Panel title="Certificates of endpoints" note={`as this node's probes with TLS saw them${list.more ? `; the first ${list.items.length}` : ''}`}>
      {list.items.length === 0 ? <Text size="sm" c="dimmed">No monitor has shaken hands with TLS lately. A monitor with https or tls tells here when a certificate ends.</Text>
        : <DataTable label="Certificates of endpoints" rows={list.items} columns={columns} id={(r) => r.check} height="360px" />}
    </Panel>
  )
}
