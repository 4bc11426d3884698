import { Alert, Button, List, Stack, Text, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { type FormEvent, useMemo, useState } from 'react'

import type { Schemas } from '../../api/client'
import { get } from '../../api/queries'
import { CopyAs } from '../../shared/CopyAs'
import { type Column, DataTable } from '../../shared/DataTable'
import { Command } from '../../shared/EmptyState'
import { Go } from '../../shared/Go'
import { Loaded, Page } from '../../shared/Page'
import { Panel } from '../../shared/Panel'
import { StatusBadge } from '../../shared/Status'
import { Time } from '../../shared/Time'
import { page } from './records'
import { type Delegation, inside, parentText, registrarText, withoutAddress } from './registrar'

const route = getRouteApi('/app/zones/$zone/delegation')
const words = { ok: ['up', 'right'], warnings: ['degraded', 'to be mended'], unknown: ['unknown', 'unknown'] } as const

export default function DelegationPage() {
  const { zone } = route.useParams()
  const { resolver } = route.useSearch()
  const q = useQuery({ ...get('/zones/{zone}/delegation', { params: { path: { zone }, query: resolver ? { resolver } : {} } }), retry: false, staleTime: 60_000, refetchOnWindowFocus: false })
  const d = q.data?.body
  const [state, word] = words[d?.state ?? 'unknown']
  return (
    <Page title={`Delegation of ${zone}`} status={d && <StatusBadge state={state} word={word} size="md" />}
      lead={<>How {d?.parent ? <span className="mono">{d.parent}</span> : 'the parent'} sends clients to <Go to="/zones/$zone" params={{ zone }} className="mono">{zone}</Go>{q.dataUpdatedAt > 0 && <>, asked <Time at={q.dataUpdatedAt} /></>}</>}
      actions={<><Button size="compact-sm" variant="default" loading={q.isFetching} onClick={() => void q.refetch()}>Ask again</Button><CopyAs curl={{ path: `/zones/${zone}/delegation${resolver ? `?resolver=${resolver}` : ''}` }} json={d} /></>}>
      <Loaded of={q} lines={8}>{({ body }) => <Shown d={body} />}</Loaded>
      <Resolver key={resolver} />
    </Page>
  )
}

function Shown({ d }: { d: Delegation }) {
  return (
    <>
      {d.state === 'ok' && <Alert color="green" variant="light" title="Nothing is to be done"><Text size="sm">Every server of the parent that was asked names {d.wanted.join(', ')}, and each serves the zone.</Text></Alert>}
      {d.state === 'unknown' && <Alert color="gray" variant="light" title="It could not be seen from here"><Text size="sm">{d.problem}</Text></Alert>}
      {d.warnings.length > 0 && <Alert color="yellow" variant="light" title={d.warnings.length === 1 ? 'One thing is to be mended' : `${d.warnings.length} things are to be mended`}><List size="sm" spacing={4}>{d.warnings.map((w) => <List.Item key={w}>{w}</List.Item>)}</List></Alert>}
      <Registrar d={d} />
      {d.parents.length > 0 && <Parents d={d} />}
      {d.servers.length > 0 && <Servers d={d} />}
    </>
  )
}

/** What to give the registrar, from the zone itself: there is no need of a network to know it. */
function Registrar({ d }: { d: Delegation }) {
  const own = d.wanted.filter((ns) => inside(ns, d.zone))
  const glue = useQuery({
    queryKey: ['/zones/{zone}/rrsets', d.zone, 'glue', own],
    queryFn: async ({ signal }) => new Map(await Promise.all(own.map(async (ns) => {
      const { items } = await page(d.zone, { name: `${ns.replace(/\.$/, '')}.` }, signal)
      return [ns, items.filter((r) => r.type === 'A' || r.type === 'AAAA').flatMap((r) => r.records)] as const
    }))),
  })
  const known = glue.data ?? new Map<string, string[]>()
  const none = glue.data ? withoutAddress(d.zone, d.wanted, known) : []
  return (
    <Panel title="What to write at the registrar" note="a click copies it">
      {d.wanted.length === 0 ? <Text size="sm">The zone has no NS records at its top. Give it those of your nodes first.</Text> : (
        <Stack gap="sm">
          <Text size="sm" c="dimmed">Nameservers{own.length > 0 && ', with the addresses (glue) that the parent needs of those that lie in the zone itself'}:</Text>
          <Command text={registrarText(d.zone, d.wanted, known)} />
          <Text size="sm" c="dimmed">No DS records: Meridian does not sign, and validating resolvers fail for a zone that has them at its parent.</Text>
          {none.length > 0 && <Text size="sm" c="var(--m-down-text)">The zone has no address of {none.join(', ')}: give it A or AAAA records, or nobody finds that server.</Text>}
          <details className="reasons"><summary>As records, for who runs the parent zone</summary><Stack mt={6}><Command text={parentText(d.zone, d.wanted, known)} /></Stack></details>
        </Stack>
      )}
    </Panel>
  )
}

function Parents({ d }: { d: Delegation }) {
  const columns = useMemo<Column<Schemas['ParentServer']>[]>(() => [
    { key: 'name', title: 'Server of the parent', width: 'minmax(180px, 1fr)', wrap: true, cell: (p) => <span className="mono">{p.name}</span> },
    { key: 'ns', title: 'Sends clients to', width: 'minmax(240px, 2fr)', wrap: true, cell: (p) => p.error ? <Text span size="sm" c="var(--m-down-text)">{p.error}</Text> : p.ns.length === 0 ? <Text span size="sm" c="var(--m-down-text)">nobody: it does not delegate the zone</Text> : (
      <Stack gap={2}>{p.ns.map((ns) => <span key={ns} className="mono" style={d.wanted.includes(ns) ? undefined : { color: 'var(--m-down-text)' }}>{ns}{!d.wanted.includes(ns) && ' (not in the zone)'}</span>)}</Stack>
    ) },
    { key: 'glue', title: 'Glue', width: 'minmax(180px, 1.6fr)', wrap: true, cell: (p) => <Stack gap={2}>{Object.entries(p.glue).map(([ns, list]) => <span key={ns} className="mono" title={ns}>{list.join(', ')}</span>)}</Stack> },
    { key: 'ds', title: 'DS', width: '90px', cell: (p) => p.ds.length > 0 ? <StatusBadge state="down" word={String(p.ds.length)} /> : 'none' },
  ], [d])
  return <Panel title="What the parent has"><DataTable label="Servers of the parent" rows={d.parents} columns={columns} id={(p) => p.name} /></Panel>
}

function Servers({ d }: { d: Delegation }) {
  const columns = useMemo<Column<Schemas['DelegatedServer']>[]>(() => [
    { key: 'name', title: 'Nameserver', width: 'minmax(180px, 1fr)', cell: (s) => <span className="mono">{s.name}</span> },
    { key: 'state', title: 'Serves the zone', width: 'minmax(150px, 1fr)', wrap: true, cell: (s) => <><StatusBadge state={s.answers ? 'up' : 'down'} word={s.answers ? 'with authority' : 'no'} />{s.error && <Text size="xs" c="dimmed">{s.error}</Text>}</> },
    { key: 'addresses', title: 'Asked at', width: 'minmax(160px, 1.2fr)', wrap: true, cell: (s) => <span className="mono">{s.addresses.join(', ')}</span> },
    { key: 'serial', title: 'Serial', width: '120px', align: 'right', cell: (s) => s.serial !== undefined ? <span className="num">{s.serial}</span> : '' },
  ], [])
  return <Panel title="Those that it names"><DataTable label="Nameservers that the parent names" rows={d.servers} columns={columns} id={(s) => s.name} /></Panel>
}

function Resolver() {
  const { resolver } = route.useSearch()
  const navigate = route.useNavigate()
  const [text, setText] = useState(resolver ?? '')
  const ask = (e: FormEvent) => { e.preventDefault(); void navigate({ search: { resolver: text.trim() || undefined } }) }
  return <form onSubmit={ask}><TextInput size="xs" w={300} label="Ask by another resolver" description="By default those of the node's system" placeholder="9.9.9.9" value={text} onChange={(e) => setText(e.currentTarget.value)} spellCheck={false} rightSectionWidth={44} rightSection={<Button type="submit" size="compact-xs" variant="subtle">Ask</Button>} /></form>
}
