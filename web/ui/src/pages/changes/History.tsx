import { Anchor, Group, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'

import type { Schemas } from '../../api/client'
import { get } from '../../api/queries'
import { CopyAs } from '../../shared/CopyAs'
import { type Column, DataTable } from '../../shared/DataTable'
import { EmptyState } from '../../shared/EmptyState'
import { Go } from '../../shared/Go'
import { count } from '../../shared/number'
import { did } from '../../shared/kinds'
import { Loaded, Page } from '../../shared/Page'
import { Time } from '../../shared/Time'
import { Tabs } from './Tabs'

const route = getRouteApi('/app/changes/history')
type Revision = Schemas['Revision']

const columns: Column<Revision>[] = [
  { key: 'revision', title: 'Revision', width: '92px', sort: (r) => -r.revision, text: (r) => String(r.revision), cell: (r) => <Go to="/changes/history/$revision" params={{ revision: String(r.revision) }} fw={600} className="num">{r.revision}</Go> },
  { key: 'what', title: 'What', long: true, width: 'minmax(180px, 1.6fr)', text: (r) => `${r.kind} ${did(r.kind)} ${r.object ?? ''}`, cell: (r) => <span title={r.kind}>{did(r.kind)}{r.object && <b className="mono"> {r.object}</b>}{!r.object && r.objects ? <Text span size="xs" c="dimmed"> {count(r.objects)} object{r.objects === 1 ? '' : 's'}</Text> : null}</span> },
  { key: 'reason', title: 'Reason', long: true, width: 'minmax(160px, 2fr)', text: (r) => r.reason ?? '', cell: (r) => r.reason ? <span title={r.reason}>{r.reason}</span> : <Text span size="sm" c="dimmed">none given</Text> },
  { key: 'who', title: 'By', width: 'minmax(100px, .9fr)', sort: (r) => r.actorName ?? r.actor ?? '', text: (r) => `${r.actor} ${r.actorName ?? ''}`, cell: (r) => r.actorName ?? r.actor ?? 'the cluster' },
  { key: 'back', title: '', width: '104px', cell: (r) => !r.rollback && <Text span size="xs" c="dimmed" title="It changed more than is kept: nothing rolls back over it.">no way back</Text> },
  { key: 'at', title: 'When', width: '124px', align: 'right', cell: (r) => <Time at={r.at} /> },
]

export default function History() {
  const { q, before } = route.useSearch()
  const navigate = route.useNavigate()
  const page = useQuery({ ...get('/revisions', { params: { query: { limit: 200, ...(before ? { before: Number(before) } : {}) } } }), placeholderData: (old) => old })
  const body = page.data?.body
  return (
    <Page title="Changes" lead="Each change of an operator is a revision: what it changed, who made it, why, and the way back." actions={<CopyAs curl={{ path: '/revisions' }} cli="history" json={body} />}>
      <Tabs />
      <Loaded of={page}>
        {({ body: b }) => b.items.length === 0 && !before ? (
          <EmptyState title="Nothing was changed yet" command="meridian apply -f meridian.yaml">Each change of the configuration, of a zone or of a control makes a revision, with who and why, and a way back.</EmptyState>
        ) : (
          <Stack gap="xs">
            <DataTable label="Revisions" rows={b.items} columns={columns} id={(r) => String(r.revision)} open={(r) => void navigate({ to: '/changes/history/$revision', params: { revision: String(r.revision) } })}
              filter={{ value: q ?? '', set: (v) => void navigate({ search: { q: v || undefined, before }, replace: true }), placeholder: 'Object, reason, who' }} tools={<Text size="xs" c="dimmed">now at revision <b className="num">{b.current}</b>, back to <b className="num">{b.oldest}</b></Text>} />
            <Group justify="space-between">
              {before ? <Anchor component="button" size="sm" onClick={() => void navigate({ search: { q } })}>The newest</Anchor> : <span />}
              {b.next && <Anchor component="button" size="sm" onClick={() => void navigate({ search: { q, before: String(b.next) } })}>Older than {b.next}</Anchor>}
            </Group>
          </Stack>
        )}
      </Loaded>
    </Page>
  )
}
