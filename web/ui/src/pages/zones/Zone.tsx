import { Button, Group, Select, Text, TextInput } from '@mantine/core'
import IconChevronRight from '@tabler/icons-react/dist/esm/icons/IconChevronRight.mjs'
import IconPlus from '@tabler/icons-react/dist/esm/icons/IconPlus.mjs'
import { keepPreviousData, useMutation, useQuery } from '@tanstack/react-query'
import { Link, getRouteApi, useRouter } from '@tanstack/react-router'
import { type FormEvent, useMemo, useState } from 'react'

import { write } from '../../api/client'
import { useWhyNot } from '../../api/guard'
import { serviceName } from '../../api/names'
import { get, useWrite } from '../../api/queries'
import { ConfirmAction } from '../../shared/ConfirmAction'
import { because, CopyAs, shell } from '../../shared/CopyAs'
import { Guarded } from '../../shared/Guarded'
import { type Column, DataTable } from '../../shared/DataTable'
import { ErrorBox } from '../../shared/ErrorBox'
import { Go } from '../../shared/Go'
import { Loaded, Page } from '../../shared/Page'
import { EditRRset } from './EditRRset'
import { PutZone } from './PutZone'
import { saveZone, zoneText } from './files'
import { type RRset, absolute, page, pageSize, relative, types } from './records'
import type { Browse } from './route'

const route = getRouteApi('/app/zones/$zone')

export default function Zone() {
  const { zone } = route.useParams()
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const router = useRouter()
  const zones = useQuery(get('/zones'))
  const services = useQuery(get('/services')).data?.body.items
  const summary = zones.data?.body.items.find((z) => z.name.replace(/\.$/, '').toLowerCase() === zone.toLowerCase())
  const records = useQuery({ queryKey: ['/zones/{zone}/rrsets', zone, search], queryFn: ({ signal }) => page(zone, search, signal), placeholderData: keepPreviousData, retry: false })
  const [edit, setEdit] = useState<{ of?: RRset; etag?: string }>()
  const whyNot = useWhyNot('editor')
  const save = useMutation({ mutationFn: () => saveZone(zone) })
  const etag = records.data?.etag
  const steered = useMemo(() => (services ?? []).flatMap((s) => s.names ?? [serviceName(s)]).filter((n) => n.toLowerCase() === zone.toLowerCase() || n.toLowerCase().endsWith(`.${zone.toLowerCase()}`)), [services, zone])
  const remove = useWrite((reason: string) => write('delete', '/zones/{zone}', { params: { path: { zone } } } as never, { etag, reason }), ['/zones', '/revisions'])
  const go = (b: Browse, replace = false) => void navigate({ search: b, replace })
  const columns = useMemo<Column<RRset>[]>(() => [
    { key: 'name', title: 'Name', width: 'minmax(160px, 1.1fr)', cell: (r) => <span className="mono" title={r.name}>{relative(r.name, zone)}</span> },
    { key: 'type', title: 'Type', width: '84px', cell: (r) => <Text span size="sm" fw={600}>{r.type}</Text> },
    { key: 'ttl', title: 'TTL', width: '92px', align: 'right', cell: (r) => <span className="num">{r.ttl} s</span> },
    { key: 'records', title: 'Records', long: true, width: 'minmax(240px, 2.6fr)', cell: (r) => <span className="mono" title={r.records.slice(0, 30).join('\n')}>{r.records.slice(0, 3).join(', ')}{r.records.length > 3 && <Text span size="xs" c="dimmed"> and {r.records.length - 3} more</Text>}</span> },
    { key: 'act', title: '', width: '136px', align: 'right', cell: (r) => <Group gap={6} justify="flex-end" wrap="nowrap"><Button size="compact-xs" variant="default" aria-label={`Edit ${r.name} ${r.type}`} onClick={() => setEdit({ of: r, etag })}>Edit</Button><Remove zone={zone} of={r} etag={etag} /></Group> },
  ], [zone, etag])
  const data = records.data
  return (
    <Page title={zone} lead={summary && `${summary.records.toLocaleString('en')} records, last changed by revision ${summary.revision}`}
      actions={(
        <>
          <Guarded why={whyNot}><Button size="compact-sm" leftSection={<IconPlus size={14} />} data-disabled={whyNot ? true : undefined} aria-disabled={!!whyNot} onClick={() => { if (!whyNot) setEdit({ etag }) }}>New records</Button></Guarded>
          <PutZone zone={zone} etag={etag} records={summary?.records} done={() => go({})} />
          <Button size="compact-sm" variant="default" component={Link} to={`/zones/${zone}/delegation`}>Delegation</Button>
          <Button size="compact-sm" variant="default" loading={save.isPending} onClick={() => save.mutate()}>Export</Button>
          <ConfirmAction label="Delete" title={`Delete the zone ${zone}?`} does={(why) => ({ curl: { method: 'DELETE', path: `/zones/${zone}`, reason: why }, cli: `zone delete ${shell(zone)}${because(why)}` })} needs="editor" type={zone} refused={steered.length > 0 ? `Services steer names in it: ${steered.slice(0, 5).join(', ')}${steered.length > 5 ? ' and more' : ''}. Delete or move them first.` : undefined}
            run={async (reason) => { await remove.mutateAsync(reason); await navigate({ to: '/zones', search: {} }) }}>
            <Text size="sm">All {summary?.records.toLocaleString('en')} records are gone, and every node answers REFUSED for names in it. A rollback to the revision before brings it back.</Text>
          </ConfirmAction>
          <CopyAs curl={{ path: `/zones/${zone}/rrsets${query(search)}` }} cli={`get records ${shell(zone)}${search.name ? ` ${shell(search.name)}` : ''}${search.type ? ` --type ${shell(search.type)}` : ''}`} json={data?.items} />
        </>
      )}>
      <ErrorBox error={save.error} />
      {steered.length > 0 && <Text size="sm" c="dimmed">Steered, and so no records here: {steered.slice(0, 6).map((n, i) => <span key={n}>{i > 0 && ', '}<Go to="/what-if" search={{ name: n.replace(/^\*/, 'any') }} className="mono">{n}</Go></span>)}{steered.length > 6 && ` and ${steered.length - 6} more`}</Text>}
      <Filters zone={zone} search={search} go={go} />
      <Loaded of={records} lines={8}>
        {({ items, next }) => (
          <>
            <DataTable label={`Records of ${zone}`} rows={items} columns={columns} id={(r) => `${r.name}/${r.type}`} height="calc(100dvh - 330px)"
              none={search.name || search.type ? (next ? 'None in what was looked at so far; there is more.' : 'No record is like that.') : 'No records.'} />
            <Group justify="space-between" component="nav" aria-label="Pages of records">
              <Text size="xs" c="dimmed" role="status">{items.length} RRset{items.length === 1 ? '' : 's'}{search.after ? ` after ${search.after}` : ', from the beginning'}{next ? ', more follow' : ', the last page'}</Text>
              <Group gap="xs">
                <Button size="compact-sm" variant="default" disabled={!search.after} onClick={() => go({ ...search, after: undefined })}>First</Button>
                <Button size="compact-sm" variant="default" disabled={!search.after} onClick={() => router.history.back()}>Back</Button>
                <Button size="compact-sm" variant="default" disabled={!next} loading={records.isPlaceholderData} rightSection={<IconChevronRight size={14} />} onClick={() => go({ ...search, after: next })}>Next {pageSize}</Button>
              </Group>
            </Group>
          </>
        )}
      </Loaded>
      {edit && <EditRRset zone={zone} of={edit.of} etag={edit.etag} close={() => setEdit(undefined)} />}
      {zones.data && !summary && !records.error && <Text size="sm" c="dimmed">This zone is not in the list any more.</Text>}
      {data && <CopyYaml zone={zone} records={summary?.records ?? 0} />}
    </Page>
  )
}

function query(b: Browse): string {
  const q = new URLSearchParams(Object.entries(b).filter((e): e is [string, string] => typeof e[1] === 'string')).toString()
  return q ? `?${q}` : ''
}

/** Zones that are not too long can be copied as what they are: a master file. */
function CopyYaml({ zone, records }: { zone: string; records: number }) {
  const [state, setState] = useState<unknown>()
  if (records > 20_000 || !navigator.clipboard) return null
  return (
    <Group gap="xs">
      <Button size="compact-xs" variant="subtle" onClick={() => void zoneText(zone).then((t) => navigator.clipboard.writeText(t)).then(() => setState('Copied.'), setState)}>Copy as a master file</Button>
      {typeof state === 'string' ? <Text size="xs" c="dimmed" role="status">{state}</Text> : <ErrorBox error={state} />}
    </Group>
  )
}

function Filters({ zone, search, go }: { zone: string; search: Browse; go: (b: Browse, replace?: boolean) => void }) {
  const [name, setName] = useState(search.name ?? '')
  const [from, setFrom] = useState('')
  const byName = (e: FormEvent) => { e.preventDefault(); go({ type: search.type, name: name.trim() ? absolute(name, zone) : undefined }) }
  const jump = (e: FormEvent) => { e.preventDefault(); if (from.trim()) go({ type: search.type, after: `${absolute(from, zone)}/TYPE0` }) }
  return (
    <Group gap="sm" align="flex-end">
      <form onSubmit={byName}><TextInput size="xs" label="Only this name" placeholder="www, or @" value={name} onChange={(e) => setName(e.currentTarget.value)} w={190} spellCheck={false} rightSectionWidth={44} rightSection={<Button type="submit" size="compact-xs" variant="subtle">Find</Button>} /></form>
      <Select size="xs" label="Only this type" placeholder="any" clearable searchable data={types} value={search.type ?? null} onChange={(v) => go({ ...search, after: undefined, type: v ?? undefined })} w={120} clearButtonProps={{ 'aria-label': 'Any type' }} />
      <form onSubmit={jump}><TextInput size="xs" label="Begin at" placeholder="a name, in canonical order" value={from} onChange={(e) => setFrom(e.currentTarget.value)} w={230} spellCheck={false} rightSectionWidth={38} rightSection={<Button type="submit" size="compact-xs" variant="subtle">Go</Button>} /></form>
      {(search.name || search.type || search.after) && <Button size="compact-xs" variant="subtle" onClick={() => { setName(''); setFrom(''); go({}) }}>Clear</Button>}
    </Group>
  )
}

function Remove({ zone, of, etag }: { zone: string; of: RRset; etag?: string }) {
  const remove = useWrite((reason: string) => write('delete', '/zones/{zone}/rrsets/{name}/{type}', { params: { path: { zone, name: of.name, type: of.type } } } as never, { etag, reason }), ['/zones', '/revisions'])
  return (
    <ConfirmAction label="Delete" title={`Delete ${of.name} ${of.type}?`} does={(why) => ({ curl: { method: 'DELETE', path: `/zones/${zone}/rrsets/${encodeURIComponent(of.name)}/${of.type}`, reason: why }, cli: `zone unset ${shell(zone)} ${shell(of.name)} ${of.type}${because(why)}` })} needs="editor" reason="optional" button={{ size: 'compact-xs' }} run={(reason) => remove.mutateAsync(reason)}>
      <Text size="sm">Resolvers may hold it for another {of.ttl} s. These records go:</Text>
      <Text size="sm" className="mono" style={{ whiteSpace: 'pre-line', overflowWrap: 'anywhere' }}>{of.records.slice(0, 10).join('\n')}{of.records.length > 10 ? `\nand ${of.records.length - 10} more` : ''}</Text>
    </ConfirmAction>
  )
}
