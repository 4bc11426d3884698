import { Button, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, getRouteApi } from '@tanstack/react-router'

import { get } from '../../api/queries'
import { CopyAs } from '../../shared/CopyAs'
import { type Column, DataTable } from '../../shared/DataTable'
import { EmptyState } from '../../shared/EmptyState'
import { Go } from '../../shared/Go'
import { Loaded, Page } from '../../shared/Page'
import { StatusBadge } from '../../shared/Status'
import { Time } from '../../shared/Time'
import { Tabs } from './Tabs'
import { type Draft, standingOf } from './words'

const route = getRouteApi('/app/changes')
const order = { open: 0, published: 1, withdrawn: 2 }

const columns: Column<Draft>[] = [
  { key: 'title', title: 'Draft', width: 'minmax(200px, 2.4fr)', sort: (d) => d.title, text: (d) => `${d.id} ${d.title}`, cell: (d) => <><Go to="/changes/drafts/$id" params={{ id: d.id }} fw={600}>{d.title}</Go> <Text span size="xs" c="dimmed" className="mono">{d.id}</Text></> },
  { key: 'state', title: 'State', width: 'minmax(140px, 1fr)', sort: (d) => `${order[d.state]} ${standingOf(d).word}`, text: (d) => standingOf(d).word, cell: (d) => <StatusBadge {...standingOf(d)} /> },
  { key: 'author', title: 'Author', width: 'minmax(100px, 1fr)', sort: (d) => d.authorName ?? d.author ?? '', text: (d) => `${d.author} ${d.authorName ?? ''}`, cell: (d) => d.authorName ?? d.author },
  { key: 'base', title: 'Based on', width: '88px', align: 'right', sort: (d) => d.base, cell: (d) => <span className="num">{d.base}</span> },
  { key: 'rev', title: 'Revision', width: '88px', align: 'right', cell: (d) => d.revision ? <Go to="/changes/history/$revision" params={{ revision: String(d.revision) }} className="num">{d.revision}</Go> : '' },
  { key: 'at', title: 'Since', width: '124px', align: 'right', sort: (d) => -new Date(d.closedAt ?? d.createdAt).getTime(), cell: (d) => <Time at={d.closedAt ?? d.createdAt} /> },
]

export default function Drafts() {
  const { q } = route.useSearch()
  const navigate = route.useNavigate()
  const drafts = useQuery({ ...get('/drafts'), refetchInterval: 15_000 })
  return (
    <Page title="Changes" lead="What waits to be made, what was made and the way back, and who did what" actions={<>{!!drafts.data?.body.items.length && <Button component={Link} to="/changes/new" size="compact-sm">Propose a change</Button>}<CopyAs curl={{ path: '/drafts' }} cli="draft list" json={drafts.data?.body} /></>}>
      <Tabs />
      <Loaded of={drafts}>
        {({ body }) => body.items.length === 0 ? (
          <EmptyState title="No change waits" command={'meridian draft create --title "more weight for Frankfurt" -f meridian.yaml'} action={<Button component={Link} to="/changes/new" size="compact-sm">Propose a change</Button>}>
            A draft is a change that others can look at before it is made: what differs, whose answers change, and how healthy what is behind it is. It can be approved, tried on some nodes as a canary, and
            published as a whole. Review rules say what needs the approval of others.
          </EmptyState>
        ) : <DataTable label="Drafts" rows={body.items} columns={columns} id={(d) => d.id} sortBy={{ key: 'at' }} open={(d) => void navigate({ to: '/changes/drafts/$id', params: { id: d.id } })} filter={{ value: q ?? '', set: (v) => void navigate({ search: { q: v || undefined }, replace: true }), placeholder: 'Title, author, state' }} />}
      </Loaded>
    </Page>
  )
}
