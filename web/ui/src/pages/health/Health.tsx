import { Button, Group, SegmentedControl, Select, Text } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import IconChevronRight from '@tabler/icons-react/dist/esm/icons/IconChevronRight.mjs'
import { useQuery } from '@tanstack/react-query'
import { Link, getRouteApi, useRouter } from '@tanstack/react-router'
import { useMemo } from 'react'

import type { Schemas } from '../../api/client'
import { bare } from '../../api/names'
import { get } from '../../api/queries'
import { reason, total } from '../../api/standing'
import { CopyAs } from '../../shared/CopyAs'
import { type Column, DataTable } from '../../shared/DataTable'
import { EmptyState } from '../../shared/EmptyState'
import { Go } from '../../shared/Go'
import { Hints } from '../../shared/Hints'
import { Loaded, Page } from '../../shared/Page'
import { type State, StateIcon, StatusBadge, stateWord, states } from '../../shared/Status'
import { Time } from '../../shared/Time'
import css from './Health.module.css'
import { type Cell, type Row, msText, rowsOf, vantages } from './matrix'

const route = getRouteApi('/app/health')
const most = 24 // vantages that have a column of their own

const pageSize = 200
const notWell: readonly State[] = ['degraded', 'down', 'drained', 'unknown']

export default function Health() {
  const search = route.useSearch()
  const [q] = useDebouncedValue(search.q, 250)
  const asked = {
    ...(search.state ? { state: search.state === 'wrong' ? notWell.join(',') : search.state } : {}), ...(search.monitor ? { monitor: search.monitor } : {}),
    ...(q ? { q } : {}), ...(search.after ? { after: search.after } : {}), limit: pageSize,
  }
  const health = useQuery({ ...get('/health', { params: { query: asked } }), refetchInterval: 5_000, placeholderData: (old) => old })
  const query = new URLSearchParams(Object.entries(asked).map(([k, v]) => [k, String(v)]))
  return (
    <Page title="Health" lead="Endpoints as each vantage sees them: its opinion, and how long the last good probe took"
      actions={<CopyAs curl={{ path: `/health?${query}` }} cli={`get health${asked.state ? ` --state ${asked.state}` : ''}`} json={health.data?.body} />}>
      <Loaded of={health} lines={8}>
        {({ body }) => body.items.length === 0 && total(body.counts) === 0 && !q && !search.monitor
          ? <EmptyState title="Nothing is watched yet" command="meridian apply -f meridian.yaml" action={<Button component={Link} to="/changes/new?object=document" size="compact-sm">Propose a pool</Button>}>Endpoints stand in pools. A monitor that a pool names probes each of them from every node; what the nodes agree on is the verdict that answers go by.</EmptyState>
          : <Matrix list={body} waits={health.isPlaceholderData} />}
      </Loaded>
    </Page>
  )
}

function Matrix({ list, waits }: { list: Schemas['HealthList']; waits: boolean }) {
  const { items, counts, next } = list
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const router = useRouter()
  const set = (s: Partial<typeof search>) => void navigate({ search: (old) => ({ ...old, after: undefined, ...s }), replace: true })
  const all = useMemo(() => vantages(items), [items])
  const shown = all.slice(0, most)
  const names = shown.join('\n')
  const rows = useMemo(() => rowsOf(items, search.monitor), [items, search.monitor])
  const monitors = (useQuery(get('/monitors')).data?.body.items ?? []).map((m) => m.name).sort()
  const wrong = notWell.reduce((sum, s) => sum + counts[s], 0)
  const matching = search.state === 'wrong' ? wrong : states.find((s) => s === search.state) ? counts[search.state as State] : total(counts)
  const whole = !next && !search.after // what is sorted by the browser is on one page
  const columns = useMemo(() => ([
    { key: 'endpoint', title: 'Endpoint', width: 'minmax(170px, 1.6fr)', sort: (r) => r.id, text: (r) => `${r.id} ${r.e.region}`,
      cell: (r) => { const [pool, name] = r.id.split('/'); return <Go to="/health/$pool/$name" params={{ pool: pool!, name: name! }} fw={600} className="mono">{r.id}</Go> } },
    { key: 'state', title: 'State', width: '118px', sort: (r) => r.e.state, text: (r) => `${r.e.state} ${stateWord[r.e.state]}`, cell: (r) => <StatusBadge state={r.e.state} /> },
    { key: 'region', title: 'Region', width: 'minmax(100px, 0.8fr)', sort: (r) => r.e.region, cell: (r) => <span className="mono">{r.e.region}</span> },
    { key: 'since', title: 'Since', width: '128px', sort: (r) => r.e.since ?? '', cell: (r) => r.e.since && <Time at={r.e.since} /> },
    ...names.split('\n').filter(Boolean).map((v): Column<Row> => ({
      key: `v ${v}`, title: v, width: 'minmax(92px, 0.6fr)', sort: (r) => r.cells.get(v)?.ms ?? -1, cell: (r) => <View cell={r.cells.get(v)} vantage={v} />,
    })),
    { key: 'why', title: 'Why', long: true, width: 'minmax(120px, 1.2fr)', text: (r) => reason(r.e), cell: (r) => { const why = reason(r.e); return why && <Text span size="xs" c="dimmed" title={why}>{why}</Text> } },
  ] satisfies Column<Row>[]).map((c: Column<Row>) => (whole ? c : { ...c, sort: undefined })), [names, whole])
  return (
    <>
      {all.length > most && <Text size="sm" c="dimmed">The first {most} of {all.length} vantages have columns; an endpoint's own page has them all.</Text>}
      <Hints><DataTable label="Endpoints by vantage" rows={rows} total={matching} columns={columns} id={(r) => r.id} sortBy={whole ? { key: 'endpoint' } : undefined} height={whole ? undefined : 'calc(100dvh - 300px)'}
        open={(r) => { const [pool, name] = r.id.split('/'); void navigate({ to: '/health/$pool/$name', params: { pool: pool!, name: name! } }) }}
        filter={{ value: search.q ?? '', set: (q) => set({ q: q || undefined }), placeholder: 'Endpoint, pool, region, reason' }}
        none={waits ? 'Looking …' : search.state === 'wrong' && !search.q ? 'All is well.' : 'Nothing matches.'}
        tools={(
          <Group gap="xs">
            <SegmentedControl size="xs" aria-label="Which" value={search.state ?? ''} onChange={(v) => set({ state: v || undefined })}
              data={[{ value: '', label: 'All' }, { value: 'wrong', label: `Not well (${wrong})` }, { value: 'down', label: `Down (${counts.down})` }, { value: 'drained', label: `Drained (${counts.drained})` }]} />
            {monitors.length > 1 && <Select size="xs" w={150} aria-label="Monitor" placeholder="Any monitor" clearable searchable limit={80} data={monitors} value={search.monitor ?? null} onChange={(v) => set({ monitor: v ?? undefined })} clearButtonProps={{ 'aria-label': 'Any monitor' }} />}
            {(search.q || search.state || search.monitor) && <Button size="compact-xs" variant="subtle" onClick={() => set({ q: undefined, state: undefined, monitor: undefined })}>Clear</Button>}
          </Group>
        )} /></Hints>
      {!whole && (
        <Group justify="space-between" component="nav" aria-label="Pages of endpoints">
          <Text size="xs" c="dimmed" role="status">{items.length} of {matching.toLocaleString('en')} endpoints{search.after ? <> after <span className="mono">{bare(search.after)}</span></> : ', from the beginning'}{next ? ', more follow' : ', the last page'}</Text>
          <Group gap="xs">
            <Button size="compact-sm" variant="default" disabled={!search.after} onClick={() => set({})}>First</Button>
            <Button size="compact-sm" variant="default" disabled={!search.after} onClick={() => router.history.back()}>Back</Button>
            <Button size="compact-sm" variant="default" disabled={!next} loading={waits} rightSection={<IconChevronRight size={14} />} onClick={() => void navigate({ search: (old) => ({ ...old, after: next }) })}>Next {pageSize}</Button>
          </Group>
        </Group>
      )}
    </>
  )
}

function View({ cell, vantage }: { cell?: Cell; vantage: string }) {
  if (!cell) return <Text span size="xs" c="dimmed" title={`${vantage} does not probe it`}>–</Text>
  return (
    <button type="button" className={css.cell} aria-label={`${vantage}: ${stateWord[cell.state]}. ${cell.text}`} data-hint={`${vantage}\n${cell.text}`}>
      <StateIcon state={cell.state} size={11} /><span className="num">{cell.state === 'down' || cell.ms === undefined ? stateWord[cell.state] : msText(cell.ms)}</span>
    </button>
  )
}
