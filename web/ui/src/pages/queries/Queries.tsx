import { Alert, Button, Stack, Text } from '@mantine/core'
import IconPause from '@tabler/icons-react/dist/esm/icons/IconPlayerPause.mjs'
import IconPlay from '@tabler/icons-react/dist/esm/icons/IconPlayerPlay.mjs'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useMemo, useState } from 'react'

import { get } from '../../api/queries'
import { CopyAs } from '../../shared/CopyAs'
import { type Column, DataTable } from '../../shared/DataTable'
import { countryName } from '../../shared/Effect'
import { EmptyState } from '../../shared/EmptyState'
import { Go } from '../../shared/Go'
import { Loaded, Page } from '../../shared/Page'
import { StatusBadge } from '../../shared/Status'
import { Time } from '../../shared/Time'
import css from './Queries.module.css'
import { Sampling } from './Sampling'
import { Top } from './Top'
import { type Row, type Sample, questionOf, rowsOf, tallies } from './tail'

const route = getRouteApi('/app/queries')
const asked = { params: { query: { limit: 500 } } }

export default function Queries() {
  const live = useQuery({ ...get('/queries', asked), staleTime: 0, refetchInterval: (s) => (s.state.data?.body.every ? 1500 : 10_000) })
  const [held, setHeld] = useState<Sample>()
  const now = live.data?.body
  const shown = held ?? now
  const on = !!now && now.every > 0
  return (
    <Page title="Queries" lead={shown && (on || shown.items.length > 0 ? <>{rateText(shown)} · {shown.sampled.toLocaleString('en')} sampled · clients are known as a /24 or a /48 only</> : 'Who asks for what, from where, and what they are told')}
      status={now && <StatusBadge state={held ? 'drained' : on ? 'up' : 'unknown'} word={held ? 'held' : on ? 'sampling' : 'off'} size="md" />}
      actions={now && <>
        {(on || held) && <Button size="compact-sm" variant="default" leftSection={held ? <IconPlay size={14} /> : <IconPause size={14} />} onClick={() => setHeld(held ? undefined : now)}>{held ? 'Go on' : 'Hold'}</Button>}
        {on && <Sampling sample={now} />}
        <CopyAs curl={{ path: '/queries?limit=500' }} json={shown} />
      </>}>
      <Loaded of={live} lines={8}>{({ body }) => <>
        {body.missing.length > 0 && <Alert color="yellow" variant="light" p="xs"><Text size="sm">Without {body.missing.join(', ')}, which could not be asked.</Text></Alert>}
        {body.every === 0 && (shown!.items.length === 0
          ? <EmptyState title="Nothing is sampled now" action={<Sampling sample={body} />}>
              Look at what comes in while it comes: names, countries and answers, and why each client was told what it was told. An admin turns it on for a while. Every node then
              keeps its last 1,000 samples in memory, with the client&apos;s network cut to a /24 or a /48, and forgets them 10 minutes after it has ended.
            </EmptyState>
          : <Stack gap="xs"><Text size="sm">Sampling has ended. What was sampled is forgotten 10 minutes after.</Text><Sampling sample={body} /></Stack>)}
        {body.every > 0 && shown!.items.length === 0 && <EmptyState title="No query yet">Sampling is on, and none has come since that was sampled. Ask one: a query to a node&apos;s DNS port shows here within two seconds.</EmptyState>}
        {shown!.items.length > 0 && <Tail sample={shown!} />}
      </>}</Loaded>
    </Page>
  )
}

function rateText(s: Sample) {
  if (s.every === 0) return 'Sampling is over'
  return <>{s.every === 1 ? 'Every query' : `1 of ${s.every.toLocaleString('en')} queries`}{s.until && <>, ends <Time at={s.until} /></>}{s.dropped > 0 && `, ${s.dropped.toLocaleString('en')} given up`}</>
}

function Tail({ sample }: { sample: Sample }) {
  const { q } = route.useSearch()
  const navigate = route.useNavigate()
  const set = (v: string) => void navigate({ search: { q: v || undefined }, replace: true })
  const rows = useMemo(() => rowsOf(sample.items), [sample.items])
  const columns = useMemo<Column<Row>[]>(() => [
    { key: 'at', title: 'When', width: '128px', cell: ({ of }) => <span className="num" title={of.at}>{of.at.slice(11, 23).padEnd(12, '0')}</span> },
    { key: 'name', title: 'Name', width: 'minmax(180px, 1.5fr)', text: ({ of }) => of.name, cell: ({ of }) => <Go to="/what-if" search={questionOf(of)} className="mono" title="Why this answer">{of.name}</Go> },
    { key: 'type', title: 'Type', width: '70px', text: ({ of }) => of.type, cell: ({ of }) => of.type },
    { key: 'client', title: 'Client', width: 'minmax(136px, .8fr)', text: ({ of }) => of.client, cell: ({ of }) => <span className="mono">{of.client}</span> },
    { key: 'country', title: 'Country', width: 'minmax(110px, .8fr)', text: ({ of }) => (of.country ? `${of.country} ${countryName(of.country)}` : ''), cell: ({ of }) => of.country ? countryName(of.country) : <Text span size="sm" c="dimmed">unknown</Text> },
    { key: 'answers', title: 'Answer', width: 'minmax(170px, 1.4fr)', text: ({ of }) => `${of.answers.join(' ')} ${of.rcode}`,
      cell: ({ of }) => of.answers.length > 0 ? <span className="mono" title={of.answers.join('\n')}>{of.answers.slice(0, 2).join(', ')}{of.answers.length > 2 && ` +${of.answers.length - 2}`}</span> : <Text span size="sm" c={of.rcode === 'NOERROR' ? 'dimmed' : 'var(--m-down-text)'}>{of.rcode === 'NOERROR' ? 'no such records' : of.rcode}</Text> },
    { key: 'scope', title: 'Scope', width: '64px', align: 'right', cell: ({ of }) => of.scope ? <span className="num">/{of.scope}</span> : '' },
    { key: 'node', title: 'Node', width: '116px', text: ({ of }) => of.node, cell: ({ of }) => <span className="mono">{of.node}</span> },
  ], [])
  return (
    <>
      <div className={css.tops}>
        <Top title="Names" list={tallies(sample.names, sample.sampled)} pick={set} picked={q} mono />
        <Top title="Countries" list={tallies(sample.countries, sample.sampled)} pick={set} picked={q} text={countryName} />
        <Top title="Answers" list={tallies(sample.answers, sample.sampled)} pick={set} picked={q} mono />
      </div>
      <DataTable label="Sampled queries, the newest first" rows={rows} columns={columns} id={(r) => r.id} height="calc(100dvh - 420px)" open={(r) => void navigate({ to: '/what-if', search: questionOf(r.of) })}
        filter={{ value: q ?? '', set, placeholder: 'Name, client, country, answer, node' }} none="No sampled query is like that." tools={<Text size="xs" c="dimmed">A row explains its answer.</Text>} />
    </>
  )
}
