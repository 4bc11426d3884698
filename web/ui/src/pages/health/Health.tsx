import { Button, Group, SegmentedControl, Select, Text, Tooltip } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useMemo } from 'react'

import { get } from '../../api/queries'
import { endpointState } from '../../api/standing'
import { CopyAs } from '../../shared/CopyAs'
import { type Column, DataTable } from '../../shared/DataTable'
import { EmptyState } from '../../shared/EmptyState'
import { Go } from '../../shared/Go'
import { Loaded, Page } from '../../shared/Page'
import { StateIcon, StatusBadge, stateWord } from '../../shared/Status'
import { Time } from '../../shared/Time'
import css from './Health.module.css'
import { type Cell, type Row, msText, rowsOf, vantages } from './matrix'

const route = getRouteApi('/app/health')
const most = 24 // vantages that have a column of their own

export default function Health() {
  const health = useQuery({ ...get('/health'), refetchInterval: 5_000 })
  return (
    <Page title="Health" lead="Endpoints as each vantage sees them: its opinion, and how long the last good probe took" actions={<CopyAs curl={{ path: '/health' }} cli="get health" json={health.data?.body} />}>
      <Loaded of={health} lines={8}>
        {({ body }) => body.items.length === 0
          ? <EmptyState title="Nothing is watched yet" command="meridian apply -f meridian.yaml">Endpoints stand in pools. A monitor that a pool names probes each of them from every node; what the nodes agree on is the verdict that answers go by.</EmptyState>
          : <Matrix items={body.items} />}
      </Loaded>
    </Page>
  )
}

function Matrix({ items }: { items: Parameters<typeof vantages>[0] }) {
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const set = (s: Partial<typeof search>) => void navigate({ search: (old) => ({ ...old, ...s }), replace: true })
  const all = useMemo(() => vantages(items), [items])
  const shown = all.slice(0, most)
  const names = shown.join('\n')
  const rows = useMemo(() => rowsOf(items, search.state, search.monitor), [items, search.state, search.monitor])
  const monitors = useMemo(() => [...new Set(items.flatMap((e) => e.checks.map((c) => c.monitor)))].sort(), [items])
  const wrong = useMemo(() => items.filter((e) => endpointState(e) !== 'up').length, [items])
  const columns = useMemo<Column<Row>[]>(() => [
    { key: 'endpoint', title: 'Endpoint', width: 'minmax(170px, 1.6fr)', sort: (r) => r.id, text: (r) => `${r.id} ${r.e.region}`,
      cell: (r) => { const [pool, name] = r.id.split('/'); return <Go to="/health/$pool/$name" params={{ pool: pool!, name: name! }} fw={600} className="mono">{r.id}</Go> } },
    { key: 'state', title: 'State', width: '118px', sort: (r) => r.state, text: (r) => stateWord[r.state], cell: (r) => <StatusBadge state={r.state} /> },
    { key: 'region', title: 'Region', width: 'minmax(100px, 0.8fr)', sort: (r) => r.e.region, cell: (r) => <span className="mono">{r.e.region}</span> },
    { key: 'since', title: 'Since', width: '104px', sort: (r) => r.e.since ?? '', cell: (r) => r.e.since && <Time at={r.e.since} /> },
    ...names.split('\n').filter(Boolean).map((v): Column<Row> => ({
      key: `v ${v}`, title: v, width: 'minmax(92px, 0.6fr)', sort: (r) => r.cells.get(v)?.ms ?? -1, cell: (r) => <View cell={r.cells.get(v)} vantage={v} />,
    })),
    { key: 'why', title: 'Why', width: 'minmax(120px, 1.2fr)', text: (r) => r.e.why ?? '', cell: (r) => <Text span size="xs" c="dimmed" title={r.e.why}>{r.e.why ?? ''}</Text> },
  ], [names])
  return (
    <>
      {all.length > most && <Text size="sm" c="dimmed">The first {most} of {all.length} vantages have columns; an endpoint's own page has them all.</Text>}
      <DataTable label="Endpoints by vantage" rows={rows} columns={columns} id={(r) => r.id} sortBy={{ key: 'endpoint' }}
        open={(r) => { const [pool, name] = r.id.split('/'); void navigate({ to: '/health/$pool/$name', params: { pool: pool!, name: name! } }) }}
        filter={{ value: search.q ?? '', set: (q) => set({ q: q || undefined }), placeholder: 'Endpoint, pool, region, reason' }}
        none={search.state === 'wrong' && !search.q ? 'All is well.' : 'Nothing matches.'}
        tools={(
          <Group gap="xs">
            <SegmentedControl size="xs" aria-label="Which" value={search.state ?? ''} onChange={(v) => set({ state: v || undefined })}
              data={[{ value: '', label: 'All' }, { value: 'wrong', label: `Not well (${wrong})` }, { value: 'down', label: 'Down' }, { value: 'drained', label: 'Drained' }]} />
            {monitors.length > 1 && <Select size="xs" w={150} aria-label="Monitor" placeholder="Any monitor" clearable searchable data={monitors} value={search.monitor ?? null} onChange={(v) => set({ monitor: v ?? undefined })} clearButtonProps={{ 'aria-label': 'Any monitor' }} />}
            {(search.q || search.state || search.monitor) && <Button size="compact-xs" variant="subtle" onClick={() => set({ q: undefined, state: undefined, monitor: undefined })}>Clear</Button>}
          </Group>
        )} />
    </>
  )
}

function View({ cell, vantage }: { cell?: Cell; vantage: string }) {
  if (!cell) return <Text span size="xs" c="dimmed" title={`${vantage} does not probe it`}>–</Text>
  return (
    <Tooltip label={<span className={css.tip}>{`${vantage}\n${cell.text}`}</span>} multiline maw={420} withinPortal events={{ hover: true, focus: true, touch: true }}>
      <button type="button" className={css.cell} aria-label={`${vantage}: ${stateWord[cell.state]}. ${cell.text}`}>
        <StateIcon state={cell.state} size={11} /><span className="num">{cell.state === 'down' || cell.ms === undefined ? stateWord[cell.state] : msText(cell.ms)}</span>
      </button>
    </Tooltip>
  )
}
