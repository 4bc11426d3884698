import { Alert, Group, SegmentedControl, Skeleton, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { type ReactNode, useMemo } from 'react'

import { write } from '../../api/client'
import { serviceName } from '../../api/names'
import { get, useWrite } from '../../api/queries'
import { poolsOf } from '../../api/standing'
import { ConfirmAction } from '../../shared/ConfirmAction'
import { because, CopyAs, shell } from '../../shared/CopyAs'
import { DrainAction, LiftAction } from '../../shared/Drain'
import { Go } from '../../shared/Go'
import { Loaded, Page } from '../../shared/Page'
import { Panel } from '../../shared/Panel'
import { StatusBadge } from '../../shared/Status'
import { Time } from '../../shared/Time'
import { count } from '../../shared/number'
import { useTemplates } from '../services/uses'
import { Check } from './Check'
import { Probe } from './Probe'
import { Timeline, ranges } from './Timeline'

const route = getRouteApi('/app/health/$pool/$name')

export default function Endpoint() {
  const { pool, name } = route.useParams()
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const id = `${pool}/${name}`
  const target = `endpoint/${id}`
  const health = useQuery({ ...get('/health/{endpoint}', { params: { path: { endpoint: id } } }), refetchInterval: 5_000 })
  const services = useQuery(get('/services')).data?.body.items
  const templates = useTemplates()
  const used = useMemo(() => (services ?? []).filter((s) => poolsOf({ ...s.steer, lastResort: s.lastResort }, templates).has(pool)).map(serviceName), [services, templates, pool])
  const resume = useWrite((reason: string) => write('post', '/health/{endpoint}/resume', { params: { path: { endpoint: id } }, body: { reason } } as never, { reason }), ['/health', '/revisions'])
  const e = health.data?.body
  if (!e) return <Page title={id}><Loaded of={health} lines={8}>{() => null}</Loaded></Page>
  const waits = e.checks.find((c) => c.verdict.waits === 'operator')
  const resumable = waits ? undefined : 'Nothing of it waits for an operator: it comes up by itself when the vantages agree.'
  const range = ranges.find((r) => r.value === search.range) ?? ranges[2]!
  return (
    <Page title={id} status={<StatusBadge state={e.state} />} lead={e.why}
      actions={(
        <>
          <ConfirmAction label="Resume" title={`Resume ${target}?`} does={(why) => ({ curl: { method: 'POST', path: `/health/${id}/resume`, body: { reason: why } }, cli: `resume ${shell(id)}${because(why)}` })} needs="operator" refused={resumable} danger={false} run={(reason) => resume.mutateAsync(reason)}>
            <Text size="sm">It comes up when the vantages agree that it is up, and from then on clients of {used.length > 0 ? used.slice(0, 5).join(', ') : 'the services that use it'} may be answered with it again.</Text>
          </ConfirmAction>
          {e.controls?.[0] ? <LiftAction id={e.controls[0]} what={target} /> : <DrainAction target={target} services={used} />}
          <CopyAs curl={{ path: `/health/${id}` }} cli={`get health ${shell(id)}`} json={e} />
        </>
      )}>
      {waits && <Alert color="yellow" variant="light" title="It waits for an operator">The vantages may agree that it is up; its monitor <b className="mono">{waits.monitor}</b> has <span className="mono">resume: manual</span>, so it stays down until somebody resumes it.</Alert>}
      <Facts rows={[
        ['Answers go by', <StatusBadge key="s" state={e.effective} />],
        ['Measured', <StatusBadge key="m" state={e.measured} />],
        ['Since', e.since ? <Time at={e.since} /> : 'never judged'],
        ['Region', <Go key="r" to="/health" search={{ q: e.region }} className="mono">{e.region || 'none'}</Go>],
        ['Pool', <Go key="p" to="/health" search={{ q: e.pool }} className="mono">{e.pool}</Go>],
        ['Controls', e.controls?.join(', ') || 'none'],
        ['Used by', used.length === 0 ? 'no service' : <Text span key="u" size="xs" fw={550} className="usedby">{used.slice(0, 3).map((s) => <div key={s}><Go size="xs" to="/services/$name" params={{ name: s }}>{s}</Go></div>)}{used.length > 3 && ` and ${count(used.length - 3)} more`}</Text>],
      ]} />
      {e.checks.length === 0 && <Panel title="No monitor"><Text size="sm" c="dimmed">Nothing checks it, so it counts as {e.measured}. A pool's <span className="mono">monitors</span> name what does.</Text></Panel>}
      {e.checks.length > 0 && (
        <Panel title="Over time" actions={<SegmentedControl size="xs" aria-label="How far back" value={range.value} onChange={(v) => void navigate({ search: { range: v }, replace: true })} data={ranges.map(({ value, label }) => ({ value, label }))} />}>
          <Timeline id={id} range={range} />
        </Panel>
      )}
      {e.checks.map((c) => <Check key={c.check} check={c} />)}
      {e.checks.length > 0 && <Probe id={id} monitors={e.checks.map((c) => c.monitor)} vantages={[...new Set(e.checks.flatMap((c) => c.reports.map((r) => r.vantage)))].filter((v) => !v.startsWith('signal/'))} />}
      {health.isFetching && !e && <Skeleton height={20} />}
    </Page>
  )
}

function Facts({ rows }: { rows: [string, ReactNode][] }) {
  return <dl className="facts">{rows.map(([k, v]) => <div key={k}><dt>{k}</dt><dd><Group gap={4} component="span" display="inline-flex">{v}</Group></dd></div>)}</dl>
}
