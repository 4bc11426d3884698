import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useMemo } from 'react'

import type { Schemas } from '../../api/client'
import { serviceName } from '../../api/names'
import { get } from '../../api/queries'
import { CopyAs } from '../../shared/CopyAs'
import { type Column, DataTable } from '../../shared/DataTable'
import { EmptyState } from '../../shared/EmptyState'
import { Go } from '../../shared/Go'
import { count } from '../../shared/number'
import { Loaded, Page } from '../../shared/Page'
import { PutZone } from './PutZone'

const route = getRouteApi('/app/zones')
const bareName = (n: string) => n.replace(/\.$/, '')

interface Row { z: Schemas['ZoneSummary']; services: number }

export default function Zones() {
  const { q } = route.useSearch()
  const navigate = route.useNavigate()
  const zones = useQuery(get('/zones'))
  const services = useQuery(get('/services')).data?.body.items
  const rows = useMemo<Row[]>(() => {
    const items = zones.data?.body.items ?? []
    const known = new Set(items.map((z) => bareName(z.name)))
    const steered = new Map<string, number>()
    for (const s of services ?? []) {
      const labels = serviceName(s).split('.')
      const zone = labels.map((_, i) => labels.slice(i).join('.')).find((n) => known.has(n))
      if (zone) steered.set(zone, (steered.get(zone) ?? 0) + 1)
    }
    return items.map((z) => ({ z, services: steered.get(bareName(z.name)) ?? 0 }))
  }, [zones.data, services])
  const columns = useMemo<Column<Row>[]>(() => [
    { key: 'name', title: 'Zone', width: 'minmax(200px, 2fr)', sort: (r) => r.z.name, text: (r) => r.z.name, cell: (r) => <Go to="/zones/$zone" params={{ zone: bareName(r.z.name) }} fw={600} className="mono">{bareName(r.z.name)}</Go> },
    { key: 'records', title: 'Records', align: 'right', width: '130px', sort: (r) => r.z.records, cell: (r) => <span className="num">{count(r.z.records)}</span> },
    { key: 'services', title: 'Steered by', align: 'right', width: '140px', sort: (r) => r.services, cell: (r) => <span className="num">{count(r.services)} service{r.services === 1 ? '' : 's'}</span> },
    { key: 'revision', title: 'Last changed by revision', align: 'right', width: 'minmax(170px, 1fr)', sort: (r) => r.z.revision, cell: (r) => <span className="num">{r.z.revision}</span> },
  ], [])
  const open = (zone: string) => void navigate({ to: '/zones/$zone', params: { zone: bareName(zone) } })
  return (
    <Page title="Zones" lead="What Meridian is authoritative for" actions={<>{zones.data?.body.items.length !== 0 && <PutZone done={open} />}<CopyAs curl={{ path: '/zones' }} cli="zone list" json={zones.data?.body} /></>}>
      <Loaded of={zones}>
        {({ body }) => body.items.length === 0
          ? <EmptyState title="No zone yet" command="meridian zone import example.com.zone" action={<PutZone done={open} />}>A zone has the records of a domain. Import its master file, or begin with an empty one; services then steer names in it.</EmptyState>
          : <DataTable label="Zones" rows={rows} columns={columns} id={(r) => r.z.name} sortBy={{ key: 'name' }} open={(r) => open(r.z.name)}
              filter={{ value: q ?? '', set: (v) => void navigate({ search: { q: v || undefined }, replace: true }), placeholder: 'Zone' }} />}
      </Loaded>
    </Page>
  )
}
