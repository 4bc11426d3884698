import { CloseButton, Text } from '@mantine/core'
import { getRouteApi } from '@tanstack/react-router'

import { type Schemas, write } from '../../api/client'
import { useWrite } from '../../api/queries'
import { Chart } from '../../shared/chart'
import { ConfirmAction } from '../../shared/ConfirmAction'
import { because, CopyAs } from '../../shared/CopyAs'
import { Panel } from '../../shared/Panel'
import { StatusBadge } from '../../shared/Status'
import { parseDuration, span } from '../../shared/Time'
import { Until } from './Certificates'
import { rate } from './Cluster'
import { type Cluster, type Member, clockText, lag, memberState, quorum, roleOf } from './members'

const route = getRouteApi('/app/cluster')

/** All that is known of one member. */
export function NodeDetail({ c, name, stats }: { c: Cluster; name: string; stats?: Schemas['Stats'] }) {
  const { q } = route.useSearch()
  const navigate = route.useNavigate()
  const close = <CloseButton aria-label="Close" onClick={() => void navigate({ search: { q }, resetScroll: false })} />
  const m = c.members.find((x) => x.node === name)
  if (!m) return <Panel title={name} actions={close}><Text size="sm" c="dimmed">There is no such member; it may have been taken out.</Text></Panel>
  const s = stats?.nodes.find((x) => x.id === m.id)
  const role = roleOf(m, c)
  return (
    <Panel title={<span className="mono">{m.node}</span>} note={role} actions={<><span style={{ display: 'inline-flex', gap: 8, alignItems: 'center' }}><CopyAs json={m} cli="cluster status" curl={{ path: '/cluster' }} /><Remove c={c} m={m} />{close}</span></>}>
      <dl className="facts">
        <div><dt>State</dt><dd><StatusBadge state={memberState(m, c)} word={m.reachable || m.agent ? undefined : 'unreachable'} /></dd></div>
        <div><dt>Id</dt><dd className="mono">{m.id}</dd></div>
        <div><dt>Vantage in</dt><dd className="mono">{m.region ?? 'no region'}</dd></div>
        <div><dt>Cluster port</dt><dd className="mono">{m.cluster || 'none'}</dd></div>
        {m.api && <div><dt>API</dt><dd className="mono">{m.api}</dd></div>}
        {m.dns?.length ? <div><dt>DNS</dt><dd className="mono">{m.dns.join(', ')}</dd></div> : null}
        {m.budget ? <div><dt>Probes a second, at most</dt><dd className="num">{m.budget}</dd></div> : null}
        {m.applied !== undefined && <div><dt>Applied</dt><dd className="num">{m.applied}{lag(m, c) ? `, ${lag(m, c)} behind` : ''}</dd></div>}
        {m.published && <div><dt>Answers by</dt><dd className="num">{m.published.index}, epoch {m.published.epoch}, generation {m.published.generation}</dd></div>}
        {m.hash && <div><dt>Hash of its state</dt><dd className="mono">{m.hash}</dd></div>}
        <div><dt>Version</dt><dd><span className="mono">{m.version ?? 'not known'}</span>, feature level <span className="num">{m.feature}</span></dd></div>
        {m.clock && <div><dt>Clock, against {c.node}</dt><dd>{m.clock.off ? <StatusBadge state="degraded" word={`${clockText(m)} off`} /> : <span className="num">{clockText(m)}</span>}</dd></div>}
        {m.certificate && <div><dt>Its certificate is good to</dt><dd><Until {...m.certificate} /></dd></div>}
        {s && <div><dt>Up for</dt><dd className="num">{span(parseDuration(s.uptime))}</dd></div>}
        {s && <div><dt>Queries</dt><dd className="num">{rate(s.queries)}: {rate(s.byTransport.udp)} UDP, {rate(s.byTransport.tcp)} TCP, {rate(s.byTransport.dot)} DoT</dd></div>}
        {s && <div><dt>Answers</dt><dd className="num">{rate(s.answers.noError)} good, {rate(s.answers.nxDomain)} no such name, {rate(s.answers.refused)} refused, {rate(s.answers.servFail)} failed</dd></div>}
        {s && <div><dt>No response</dt><dd className="num">{rate(s.dropped)}</dd></div>}
      </dl>
      {s && s.history.length > 1 && (
        <Chart label={`Queries a second of ${m.node}, the last 10 minutes`} height={150} format={rate} times={s.history.map((h) => new Date(h.until).getTime() / 1000)}
          lines={[{ label: 'queries', color: 'var(--m-accent)', values: s.history.map((h) => h.queries), fill: true }, { label: 'no such name', color: 'var(--m-degraded)', values: s.history.map((h) => h.nxDomain) }, { label: 'refused', color: 'var(--m-down)', values: s.history.map((h) => h.refused) }]} />
      )}
    </Panel>
  )
}

function Remove({ c, m }: { c: Cluster; m: Member }) {
  const remove = useWrite((reason: string) => write('delete', '/cluster/members/{node}', { params: { path: { node: m.id } } }, { reason }), ['/cluster', '/health'])
  const votes = quorum(c)
  const refused = m.node === c.node ? 'This is the node that is asked: ask another one.' : !m.agent && parseDuration(m.lastHeard) < 10_000 ? 'It was heard of in the last 10 s. Stop it first.' : undefined
  const after = votes.voters - (m.voter ? 1 : 0)
  return (
    <ConfirmAction label="Take out" title={`Take ${m.node} out of the cluster for good?`} does={(why) => ({ curl: { method: 'DELETE', path: `/cluster/members/${m.id}`, reason: why }, cli: `cluster remove ${m.id}${because(why)}` })} needs="admin" type={m.node} refused={refused} run={(reason) => remove.mutateAsync(reason)}>
      <Text size="sm">{m.voter ? `It loses its vote: ${after} of ${votes.voters} are left, and ${Math.floor(after / 2) + 1} are needed then.` : 'It has no vote.'} It is in no quorum of a check any more{m.dns?.length ? `, and answers no DNS at ${m.dns.join(', ')}: take that out of the delegation too` : ''}.</Text>
      <Text size="sm">Its id is never let in again; the machine may join anew with an empty data directory.</Text>
    </ConfirmAction>
  )
}
