import { Alert, List, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useMemo } from 'react'

import type { Schemas } from '../../api/client'
import { useCluster } from '../../api/guard'
import { get } from '../../api/queries'
import { CopyAs } from '../../shared/CopyAs'
import { type Column, DataTable } from '../../shared/DataTable'
import { Command } from '../../shared/EmptyState'
import { Go } from '../../shared/Go'
import { Loaded, Page } from '../../shared/Page'
import { Panel } from '../../shared/Panel'
import { StatusBadge } from '../../shared/Status'
import { parseDuration, span } from '../../shared/Time'
import { Chart, Sparkline } from '../../shared/chart'
import { total } from '../../shared/traffic'
import { NodeAudit } from './NodeAudit'
import { NodeDetail } from './NodeDetail'
import { Certificates, Until } from './Certificates'
import { type Cluster, type Member, clockText, lag, memberState, quorum, roleOf } from './members'

const route = getRouteApi('/app/cluster')

/** Queries a second for people. */
export const rate = (n: number) => (n >= 10_000 ? `${Math.round(n / 1000)} k/s` : n >= 10 ? `${Math.round(n)}/s` : `${n.toFixed(n > 0 ? 1 : 0)}/s`)

export default function ClusterPage() {
  const { q, node } = route.useSearch()
  const cluster = useCluster()
  const stats = useQuery({ ...get('/stats'), retry: false, refetchInterval: 5_000 })
  const c = cluster.data?.body
  const votes = c && quorum(c)
  return (
    <Page title="Cluster" lead={c && <>As <b className="mono">{c.node}</b>, {c.role === 'leader' ? 'the leader' : `a ${c.role}`}, sees it now.</>} status={c && <StatusBadge state={!c.leader ? 'down' : votes!.up < votes!.voters ? 'degraded' : 'up'} word={!c.leader ? 'no leader' : votes!.up < votes!.voters ? 'a vote is missing' : 'whole'} />}
      actions={<CopyAs curl={{ path: '/cluster' }} cli="cluster status" json={c} />}>
      <Loaded of={cluster} lines={8}>
        {({ body }) => <>
          <Warnings c={body} />
          {stats.data?.body.missing.length ? <Alert color="yellow" variant="light" p="xs"><Text size="sm">Traffic is told without {stats.data.body.missing.join(', ')}, which could not be asked.</Text></Alert> : null}
          <Facts c={body} stats={stats.data?.body} />
          {stats.data && <Traffic stats={stats.data.body} />}
          <Members c={body} stats={stats.data?.body} q={q} node={node} />
        </>}
      </Loaded>
      {c && node && <NodeDetail c={c} name={node} stats={stats.data?.body} />}
      <Certificates />
      <NodeAudit />
    </Page>
  )
}

function Warnings({ c }: { c: Cluster }) {
  const votes = quorum(c)
  return (
    <>
      {!c.leader && <Alert color="red" variant="light" title="There is no leader"><Text size="sm">{votes.up} of {votes.voters} votes can be reached from here, and {votes.needs} are needed. DNS is answered all the same, by what each node knows. {c.problem}</Text></Alert>}
      {c.leader && c.problem && <Alert color="red" variant="light" title="This node does not follow"><Text size="sm">{c.problem}</Text></Alert>}
      {c.leader && votes.spare === 0 && votes.voters > 1 && <Alert color="yellow" variant="light" title="No vote can be lost any more"><Text size="sm">{votes.up} of {votes.voters} votes are there. With one less nothing can be changed.</Text></Alert>}
      {c.warnings?.length ? <Alert color="yellow" variant="light" title="To look at"><List size="sm">{c.warnings.map((w) => <List.Item key={w}>{w}</List.Item>)}</List></Alert> : null}
    </>
  )
}

function Facts({ c, stats }: { c: Cluster; stats?: Schemas['Stats'] }) {
  const votes = quorum(c)
  const levels = [...new Set(c.members.filter((m) => !m.agent).map((m) => m.feature))].sort((a, b) => a - b)
  const young = stats?.nodes.toSorted((a, b) => parseDuration(a.uptime) - parseDuration(b.uptime))[0]
  return (
    <dl className="facts">
      <div><dt>Leader</dt><dd className="mono">{c.leader ?? 'none'}</dd></div>
      <div><dt>Votes, {votes.needs} needed</dt><dd className="num">{votes.up} of {votes.voters}</dd></div>
      <div><dt>May be lost still</dt><dd className="num">{Math.max(votes.spare, 0)}</dd></div>
      <div><dt>Term</dt><dd className="num">{c.term}</dd></div>
      <div><dt>Committed</dt><dd className="num">{c.commit}</dd></div>
      <div><dt>Age of state here</dt><dd className="num">{parseDuration(c.stateAge) < 1000 ? 'under 1 s' : span(parseDuration(c.stateAge))}</dd></div>
      {levels.length > 1 && <div><dt>Feature levels</dt><dd className="num">{levels.join(' and ')}</dd></div>}
      <div><dt>Versions</dt><dd className="mono">{[...new Set(c.members.flatMap((m) => m.version ?? []))].join(', ') || 'not known'}</dd></div>
      {c.authority && <div><dt>Cluster's authority</dt><dd><Until {...c.authority} /></dd></div>}
      {young && <div><dt>Last start of a node</dt><dd className="num" title={young.node}>{span(parseDuration(young.uptime))} ago</dd></div>}
    </dl>
  )
}

/** What all nodes together are asked and answer. */
function Traffic({ stats }: { stats: Schemas['Stats'] }) {
  const times = stats.nodes.map((n) => n.history).sort((a, b) => b.length - a.length)[0] ?? []
  const sum = (pick: (n: Schemas['NodeStats']) => number) => rate(stats.nodes.reduce((s, n) => s + pick(n), 0))
  const line = (pick: (h: Schemas['TrafficInterval']) => number) => total(stats, pick)
  return (
    <Panel title="Queries" note={`${rate(stats.queries)}, all nodes: ${sum((n) => n.byTransport.udp)} UDP, ${sum((n) => n.byTransport.tcp)} TCP, ${sum((n) => n.byTransport.dot)} DoT; ${sum((n) => n.answers.nxDomain)} no such name, ${sum((n) => n.answers.refused)} refused, ${sum((n) => n.answers.servFail)} failed, ${sum((n) => n.dropped)} without a response`}>
      {times.length > 1 ? (
        <Chart label="Queries a second of all nodes, the last 10 minutes" height={130} format={rate} times={times.map((h) => new Date(h.until).getTime() / 1000)}
          lines={[{ label: 'queries', color: 'var(--m-accent)', values: line((h) => h.queries), fill: true }, { label: 'no such name', color: 'var(--m-degraded)', values: line((h) => h.nxDomain) }, { label: 'refused', color: 'var(--m-down)', values: line((h) => h.refused) }]} />
      ) : <Text size="sm" c="dimmed">The first counts come after some seconds.</Text>}
    </Panel>
  )
}

interface Row { m: Member; stats?: Schemas['NodeStats'] }

function Members({ c, stats, q, node }: { c: Cluster; stats?: Schemas['Stats']; q?: string; node?: string }) {
  const navigate = route.useNavigate()
  const rows = useMemo<Row[]>(() => c.members.map((m) => ({ m, stats: stats?.nodes.find((s) => s.id === m.id) })), [c, stats])
  const known = !!stats
  const columns = useMemo<Column<Row>[]>(() => [
    { key: 'node', title: 'Node', width: 'minmax(120px, 1.2fr)', sort: ({ m }) => m.node, text: ({ m }) => `${m.node} ${m.id} ${m.region ?? ''} ${m.cluster} ${m.api ?? ''}`, cell: ({ m }) => <Go to="/cluster" search={{ q, node: m.node }} fw={600} className="mono" resetScroll={false}>{m.node}</Go> },
    { key: 'role', title: 'Role', width: '76px', sort: ({ m }) => roleOf(m, c), text: ({ m }) => roleOf(m, c), cell: ({ m }) => roleOf(m, c) === 'leader' ? <b>leader</b> : roleOf(m, c) },
    { key: 'state', title: 'State', width: '126px', sort: ({ m }) => memberState(m, c), cell: ({ m }) => { const s = memberState(m, c); return <StatusBadge state={s} word={s === 'up' ? 'reachable' : s === 'down' ? (m.agent ? 'silent' : 'unreachable') : 'behind'} /> } },
    { key: 'region', title: 'Vantage in', width: 'minmax(118px, .9fr)', sort: ({ m }) => m.region ?? '', cell: ({ m }) => m.region ? <Go to="/health" search={{ q: m.region }} className="mono">{m.region}</Go> : '' },
    { key: 'lag', title: 'Lag', width: '56px', align: 'right', sort: ({ m }) => lag(m, c) ?? -1, cell: ({ m }) => { const l = lag(m, c); return <span className="num" title={m.applied !== undefined ? `state of ${m.applied}` : undefined}>{l === undefined ? '–' : l === 0 ? 'none' : l}</span> } },
    { key: 'published', title: 'Answers by', width: '90px', align: 'right', cell: ({ m }) => m.published ? <span className="num" title={`epoch ${m.published.epoch}, generation ${m.published.generation}`}>{m.published.index}</span> : '' },
    { key: 'heard', title: 'Last heard', width: '94px', align: 'right', sort: ({ m }) => parseDuration(m.lastHeard), cell: ({ m }) => <span className="num">{parseDuration(m.lastHeard) < 1500 ? 'just now' : `${span(parseDuration(m.lastHeard))} ago`}</span> },
    ...(known ? [
      { key: 'queries', title: 'Queries', width: '126px', align: 'right' as const, sort: (r: Row) => r.stats?.queries ?? -1, cell: ({ stats: s }: Row) => s ? <span className="num" style={{ display: 'inline-flex', gap: 8, alignItems: 'center', verticalAlign: 'middle' }}><Sparkline values={s.history.map((h) => h.queries)} label="Queries of the last 10 minutes" width={48} />{rate(s.queries)}</span> : '' },
    ] : []),
    { key: 'clock', title: 'Clock', width: '80px', align: 'right', sort: ({ m }) => m.clock ? Math.abs(parseDuration(m.clock.difference)) : -1, cell: ({ m }) => !m.clock ? (m.node === c.node ? <Text span size="sm" c="dimmed">asked</Text> : '–') : m.clock.off ? <StatusBadge state="degraded" word={clockText(m)!.split(' ±')[0] + ' off'} /> : <span className="num" title={clockText(m)}>{clockText(m)!.split(' ±')[0]}</span> },
    { key: 'certificate', title: 'Certificate', width: '102px', sort: ({ m }) => m.certificate?.expires ?? '', cell: ({ m }) => m.certificate ? <Until {...m.certificate} /> : '–' },
    { key: 'version', title: 'Version', width: 'minmax(74px, .6fr)', sort: ({ m }) => m.version ?? '', cell: ({ m }) => <span className="mono" title={`${m.version ?? 'not known'}, feature level ${m.feature}`}>{m.version ?? '–'}</span> },
  ], [c, known, q])
  return (
    <Stack gap="sm">
      <DataTable label="Members" rows={rows} columns={columns} id={(r) => r.m.id} sortBy={{ key: 'node' }} filter={c.members.length > 8 || q ? { value: q ?? '', set: (v) => void navigate({ search: { q: v || undefined, node }, replace: true }), placeholder: 'Node, region, role, address' } : undefined}
        open={(r) => void navigate({ search: { q, node: r.m.node }, resetScroll: false })} />
      {c.members.length < 3 && <Stack gap={4}><Text size="sm" c="dimmed">With three nodes one may be lost. Another joins with its configuration naming this cluster:</Text><Command text={'meridian serve --config node.yaml   # cluster: {join: [' + (c.members[0]?.cluster ?? 'ADDRESS') + ']}'} /></Stack>}
    </Stack>
  )
}
