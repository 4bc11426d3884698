import { Button, SegmentedControl, Text } from '@mantine/core'
import { Link, getRouteApi } from '@tanstack/react-router'
import { useMemo } from 'react'

import { type Column, DataTable } from '../../shared/DataTable'
import { EmptyState } from '../../shared/EmptyState'
import { CopyAs } from '../../shared/CopyAs'
import { Loaded, Page } from '../../shared/Page'
import { count } from '../../shared/number'
import { Ratio, StatusBadge, states } from '../../shared/Status'
import { Time } from '../../shared/Time'
import { summary } from '../../shared/steering'
import { type ServiceRow, ttlText, useServices } from './uses'
import { Go } from '../../shared/Go'

const route = getRouteApi('/app/services')

const columns: Column<ServiceRow>[] = [
  { key: 'name', title: 'Service', width: 'minmax(180px, 2fr)', sort: (r) => r.name, text: (r) => [r.name, ...(r.service.names ?? [])].join(' '),
    cell: (r) => <><Go to="/services/$name" params={{ name: r.name }} size="sm" fw={600} className="mono">{r.name}</Go>{(r.service.names?.length ?? 0) > 1 && <Text span size="xs" c="dimmed"> and {r.service.names!.length - (r.service.name ? 0 : 1)} more names</Text>}</> },
  { key: 'state', title: 'State', width: '118px', sort: (r) => states.indexOf(r.standing.state) * -1, cell: (r) => <StatusBadge state={r.standing.state} /> },
  { key: 'health', title: 'Healthy', width: '116px', align: 'right', sort: (r) => (r.standing.all ? r.standing.up / r.standing.all : -1), cell: (r) => <Ratio good={r.standing.up} all={r.standing.all} state={r.standing.state} /> },
  { key: 'since', title: 'Since', width: '128px', cell: (r) => r.standing.since ? <Time at={r.standing.since} /> : '' },
  { key: 'steer', title: 'Steering', width: 'minmax(120px, 1fr)', sort: (r) => summary(r.service.steer), text: (r) => `${summary(r.service.steer)} ${r.pools.join(' ')}`, cell: (r) => summary(r.service.steer) },
  { key: 'regions', title: 'Regions', width: 'minmax(120px, 1.4fr)', text: (r) => r.standing.regions.join(' '), sort: (r) => r.standing.regions.length, cell: (r) => <span style={{ color: 'var(--m-dim)' }} title={r.standing.regions.join(', ')}>{r.standing.regions.length > 3 ? `${r.standing.regions.length} regions` : r.standing.regions.join(', ')}</span> },
  { key: 'ttl', title: 'TTL', width: '110px', align: 'right', cell: (r) => <span className="num">{ttlText(r.service.ttl)}</span> },
]

export default function Services() {
  const { q, only } = route.useSearch()
  const navigate = route.useNavigate()
  const { services, rows } = useServices()
  const shown = useMemo(() => (only === 'trouble' ? rows?.filter((r) => r.standing.state !== 'up') : rows), [rows, only])
  const troubled = useMemo(() => rows?.filter((r) => r.standing.state !== 'up').length ?? 0, [rows])
  return (
    <Page title="Services" lead="Names that are steered, and how well what they answer with is" actions={<CopyAs curl={{ path: '/services' }} cli="get services" json={services.data?.body} />}>
      <Loaded of={services} lines={10}>
        {() => rows?.length === 0 ? (
          <EmptyState title="No name is steered yet" command="meridian apply -f service.yaml" action={<Button component={Link} to="/changes/new?object=document" size="compact-sm">Propose one</Button>}>
            A service is a DNS name in one of your zones that Meridian answers by a tree: the nearest region that is up, the first of several, a share to each. Write one in a document and apply it, or propose it here.
          </EmptyState>
        ) : (
          <DataTable label="Services" rows={shown ?? []} columns={columns} id={(r) => r.name} sortBy={{ key: 'name' }}
            open={(r) => void navigate({ to: '/services/$name', params: { name: r.name } })}
            filter={{ value: q ?? '', set: (v) => void navigate({ search: { q: v || undefined, only }, replace: true }), placeholder: 'Name, pool, region' }}
            tools={<SegmentedControl size="xs" value={only ?? 'all'} onChange={(v) => void navigate({ search: { q, only: v === 'all' ? undefined : v }, replace: true })} data={[{ value: 'all', label: 'All' }, { value: 'trouble', label: `Not healthy (${count(troubled)})` }]} />} />
        )}
      </Loaded>
    </Page>
  )
}
