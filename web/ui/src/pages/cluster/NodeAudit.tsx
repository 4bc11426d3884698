import { Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'

import type { Schemas } from '../../api/client'
import { useSession } from '../../api/guard'
import { get } from '../../api/queries'
import { type Column, DataTable } from '../../shared/DataTable'
import { Loaded } from '../../shared/Page'
import { Panel } from '../../shared/Panel'
import { StatusBadge } from '../../shared/Status'
import { Time } from '../../shared/Time'

type Act = Schemas['NodeAct']

const columns: Column<Act>[] = [
  { key: 'kind', title: 'What', width: '130px', sort: (a) => a.kind, cell: (a) => <StatusBadge state={a.kind === 'break-glass' ? 'down' : 'unknown'} word={a.kind} /> },
  { key: 'call', title: 'Call', width: 'minmax(180px, 1.6fr)', cell: (a) => <span className="mono" title={a.call}>{a.call}</span> },
  { key: 'text', title: 'Of it', width: 'minmax(128px, 1fr)', cell: (a) => <>{a.text}{a.missed ? <Text span size="xs" c="dimmed"> and {a.missed} before it</Text> : null}</> },
  { key: 'who', title: 'By', width: 'minmax(112px, .8fr)', cell: (a) => a.actor ?? <Text span size="sm" c="dimmed">nobody known</Text> },
  { key: 'peer', title: 'From', width: '140px', cell: (a) => <span className="mono">{a.peer}</span> },
  { key: 'at', title: 'When', width: '124px', align: 'right', sort: (a) => -new Date(a.at).getTime(), cell: (a) => <Time at={a.at} /> },
]

/** What the node that is asked has on record alone. */
export function NodeAudit() {
  const admin = useSession().data?.body.role === 'admin'
  const q = useQuery({ ...get('/audit/node'), enabled: admin, retry: false })
  if (!admin) return null
  return (
    <Panel title="On this node's own record" note="calls that were refused, and what was done by break-glass">
      <Loaded of={q}>{({ body }) => body.items.length === 0 ? <Text size="sm" c="dimmed">Nothing: no call was refused, and nothing was done by break-glass.</Text>
        : <DataTable label="This node's record" rows={body.items.map((a, i) => ({ ...a, i }))} columns={columns} id={(a) => String(a.i)} height="360px" />}</Loaded>
    </Panel>
  )
}
