import { Alert, Anchor, Code, Group, Modal, Select, Stack, Text, TextInput } from '@mantine/core'
import { useDebouncedCallback } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useMemo, useState } from 'react'

import type { Schemas } from '../../api/client'
import { get } from '../../api/queries'
import { CopyAs } from '../../shared/CopyAs'
import { type Column, DataTable } from '../../shared/DataTable'
import { Go } from '../../shared/Go'
import { Loaded, Page } from '../../shared/Page'
import { StatusBadge } from '../../shared/Status'
import { Time } from '../../shared/Time'
import css from './Changes.module.css'
import { Diff } from './Diff'
import type { AuditSearch } from './route'
import { Tabs } from './Tabs'

const route = getRouteApi('/app/changes/audit')
type Entry = Schemas['AuditEntry']

/** A moment that somebody typed, by UTC where nothing else is said; undefined when it is none. */
export function moment(text: string | undefined): string | undefined {
  if (!text) return undefined
  const whole = /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : /(Z|[+-]\d{2}:\d{2})$/.test(text) ? text : `${text.replace(' ', 'T')}Z`
  const at = new Date(whole)
  return Number.isNaN(at.getTime()) ? undefined : at.toISOString()
}

export default function Audit() {
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const set = (next: Partial<AuditSearch>) => void navigate({ search: { ...search, before: undefined, ...next }, replace: true })
  const [shown, setShown] = useState<Entry>()
  const query = useMemo(() => ({
    limit: 200, actor: search.actor, object: search.object, kind: search.kind, request: search.request, since: moment(search.since), until: moment(search.until),
    refused: search.refused === undefined ? undefined : search.refused === 'true', before: search.before ? Number(search.before) : undefined,
  }), [search])
  const page = useQuery({ ...get('/audit', { params: { query } }), placeholderData: (old) => old })
  const columns = useMemo<Column<Entry>[]>(() => [
    { key: 'seq', title: 'Entry', width: '72px', cell: (e) => <Anchor component="button" size="sm" fw={600} miw={28} ta="left" className="num" onClick={() => setShown(e)}>{e.seq}</Anchor> },
    { key: 'kind', title: 'What', long: true, width: 'minmax(250px, 2fr)', cell: (e) => <span className="mono">{e.kind}{e.object && <b> {e.object}</b>}</span> },
    { key: 'state', title: 'Outcome', width: '116px', cell: (e) => e.refused ? <StatusBadge state="down" word="refused" /> : <Text span size="sm">{e.revision ? <>revision <Go to="/changes/history/$revision" params={{ revision: String(e.revision) }} className="num underlined">{e.revision}</Go></> : 'done'}</Text> },
    { key: 'reason', title: 'Reason', long: true, width: 'minmax(140px, 2fr)', cell: (e) => (e.refused || e.reason) && <span title={e.refused ?? e.reason}>{e.refused ? <Text span size="sm" c="var(--m-down-text)">{e.refused}</Text> : e.reason}</span> },
    { key: 'who', title: 'By', width: 'minmax(90px, .8fr)', cell: (e) => <>{e.actorName ?? e.actor ?? 'the cluster'}</> },
    { key: 'from', title: 'From', width: '120px', cell: (e) => e.from && <span className="mono">{e.from}</span> },
    { key: 'at', title: 'When', width: '128px', align: 'right', cell: (e) => <Time at={e.at} /> },
  ], [])
  const asked = Object.entries(query).filter(([k, v]) => v !== undefined && k !== 'limit').map(([k, v]) => `${k}=${encodeURIComponent(String(v))}`).join('&')
  return (
    <Page title="Changes" lead="Who did what, from where, when and why. Each entry's hash is over the one before it, so that a change of the past shows." actions={<CopyAs curl={{ path: `/audit${asked ? `?${asked}` : ''}` }} cli="audit" json={page.data?.body} />}>
      <Tabs />
      <div className={css.filters} role="search" aria-label="Filters of the audit">
        <Field label="Object" placeholder="pool/web-us-east" value={search.object} set={(v) => set({ object: v })} />
        <Field label="Actor" placeholder="user/anna" value={search.actor} set={(v) => set({ actor: v })} />
        <Field label="Kind" placeholder="config.put" value={search.kind} set={(v) => set({ kind: v })} />
        <Select label="Outcome" size="xs" data={[{ value: 'all', label: 'all' }, { value: 'false', label: 'done' }, { value: 'true', label: 'refused' }]} value={search.refused ?? 'all'} onChange={(v) => set({ refused: v === 'all' ? undefined : v ?? undefined })} allowDeselect={false} />
        <Field label="Since (UTC)" placeholder="2026-01-02 03:04" value={search.since} set={(v) => set({ since: v })} wrong={search.since && !moment(search.since) ? 'no date' : undefined} />
        <Field label="Until (UTC)" placeholder="2026-01-03" value={search.until} set={(v) => set({ until: v })} wrong={search.until && !moment(search.until) ? 'no date' : undefined} />
      </div>
      <Loaded of={page}>
        {({ body }) => (
          <Stack gap="xs">
            <DataTable label="Audit" rows={body.items} columns={columns} id={(e) => String(e.seq)} open={setShown} none={asked ? 'No entry is like that.' : 'Nothing was done yet. Each write has an entry here, and each that was refused where it is applied.'}
              tools={<Text size="xs" c="dimmed">kept from entry <span className="num">{body.first}</span> on · head <span className="num">{body.head.seq}</span> <span className="mono" title={body.head.hash}>{body.head.hash.slice(0, 12)}</span></Text>} />
            <Group justify="space-between">
              {search.before ? <Anchor component="button" size="sm" onClick={() => set({})}>The newest</Anchor> : <span />}
              {body.next && <Anchor component="button" size="sm" onClick={() => set({ before: String(body.next) })}>Older</Anchor>}
            </Group>
          </Stack>
        )}
      </Loaded>
      <Modal opened={!!shown} onClose={() => setShown(undefined)} title={shown ? `Entry ${shown.seq}: ${shown.kind}${shown.object ? ` ${shown.object}` : ''}` : ''} size="xl" closeButtonProps={{ 'aria-label': 'Close' }}>
        {shown && <One entry={shown} />}
      </Modal>
    </Page>
  )
}

function Field({ label, placeholder, value, set, wrong }: { label: string; placeholder: string; value?: string; set: (v: string | undefined) => void; wrong?: string }) {
  const [text, setText] = useState(value ?? '')
  const [was, setWas] = useState(value)
  if (was !== value) { setWas(value); setText(value ?? '') }
  const later = useDebouncedCallback((v: string) => set(v.trim() || undefined), 350)
  return <TextInput size="xs" label={label} placeholder={placeholder} value={text} error={wrong} onChange={(e) => { setText(e.currentTarget.value); later(e.currentTarget.value) }} />
}

function One({ entry }: { entry: Entry }) {
  return (
    <Stack gap="sm">
      {entry.refused && <Alert color="red" variant="light" title="Refused"><Text size="sm">{entry.refused}</Text></Alert>}
      <dl className="facts">
        <div><dt>When</dt><dd><Time at={entry.at} full /></dd></div>
        <div><dt>By</dt><dd>{entry.actorName ? `${entry.actorName} (${entry.actor})` : entry.actor ?? 'the cluster'}</dd></div>
        <div><dt>From</dt><dd className="mono">{entry.from ?? 'not known'}</dd></div>
        <div><dt>Reason</dt><dd>{entry.reason || 'none given'}</dd></div>
        {entry.revision && <div><dt>Revision</dt><dd><Go to="/changes/history/$revision" params={{ revision: String(entry.revision) }} className="num">{entry.revision}</Go></dd></div>}
        {entry.override?.length ? <div><dt>Let break</dt><dd className="mono">{entry.override.join(', ')}</dd></div> : null}
        {entry.request && <div><dt>Idempotency-Key</dt><dd className="mono">{entry.request}</dd></div>}
        <div><dt>Raft index</dt><dd className="num">{entry.index}</dd></div>
      </dl>
      <Diff edits={entry.edits} more={entry.more} none={entry.refused ? 'Nothing was changed.' : 'No field is told of it.'} />
      {entry.omitted ? <Text size="xs" c="dimmed">{entry.omitted} objects that it changed are too much to keep.</Text> : null}
      {entry.missed ? <Text size="xs" c="dimmed">{entry.missed} refusals before it have no entry.</Text> : null}
      <Text size="xs" c="dimmed">Hash <Code style={{ overflowWrap: 'anywhere' }}>{entry.hash}</Code></Text>
    </Stack>
  )
}
