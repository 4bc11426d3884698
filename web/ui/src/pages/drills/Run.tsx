import { Alert, Button, Group, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, getRouteApi } from '@tanstack/react-router'

import { write } from '../../api/client'
import { useSession } from '../../api/guard'
import { get, useWrite } from '../../api/queries'
import { ConfirmAction } from '../../shared/ConfirmAction'
import { because, CopyAs } from '../../shared/CopyAs'
import { Go } from '../../shared/Go'
import { Loaded, Page } from '../../shared/Page'
import { Panel } from '../../shared/Panel'
import { StatusBadge } from '../../shared/Status'
import { Time, parseDuration, span } from '../../shared/Time'
import { ControlWindow, Countdown } from './Clock'
import css from './Drills.module.css'
import { Checks, Notes, Steps, Track } from './Steps'
import { type Drill, phaseOf, planText } from './words'

const route = getRouteApi('/app/drills/$id')

export default function Run() {
  const { id } = route.useParams()
  const q = useQuery({ ...get('/drills/{id}', { params: { path: { id } } }), refetchInterval: (s) => (s.state.data && !s.state.data.body.over ? 2000 : false) })
  if (!q.data) return <Page title={`Drill ${id}`}><Loaded of={q} lines={8}>{() => null}</Loaded></Page>
  return <Shown drill={q.data.body} />
}

function Shown({ drill }: { drill: Drill }) {
  const title = drill.plan.title || drill.plan.name
  const controls = [...new Set(drill.steps.flatMap((s) => s.controls ?? []))]
  return (
    <Page title={title} status={<StatusBadge {...phaseOf(drill.phase)} size="md" />} lead={<>{planText(drill.plan)}{drill.practice && ' · practice: nothing is changed'}</>}
      actions={<><Approve drill={drill} /><Abort drill={drill} /><CopyAs curl={{ path: `/drills/${drill.id}` }} cli={`drill show ${drill.id}`} json={drill} /></>}>
      <dl className="facts">
        <div><dt>Run</dt><dd className="mono">{drill.id}</dd></div>
        <div><dt>Plan</dt><dd><Go to="/drills/plans/$name" params={{ name: drill.plan.name }} className="mono">{drill.plan.name}</Go></dd></div>
        <div><dt>Started by</dt><dd>{drill.actorName ?? drill.actor}</dd></div>
        <div><dt>Reason</dt><dd>{drill.reason || (drill.due ? 'its schedule' : 'none given')}</dd></div>
        <div><dt>{drill.startedAt ? 'Began' : 'Made'}</dt><dd><Time at={drill.startedAt ?? drill.createdAt} /></dd></div>
        {drill.over ? <div><dt>Ended</dt><dd><Time at={drill.endedAt} /></dd></div> : <div><dt>Hard end</dt><dd><Time at={drill.expiresAt} /></dd></div>}
        {drill.plan.rto && <div><dt>Expected recovery</dt><dd>{span(parseDuration(drill.plan.rto))}</dd></div>}
      </dl>
      {drill.over ? <Outcome drill={drill} /> : (
        <Panel className={`panel ${css.running}`} title="Now"><Stack gap="md"><Countdown drill={drill} /><Track steps={drill.steps} /></Stack></Panel>
      )}
      <div className={css.two}>
        <div>
          <Panel title="Steps" note={`${drill.steps.filter((s) => s.state === 'done').length} of ${drill.steps.length} done`}><Steps steps={drill.steps} live={!drill.over} /></Panel>
          {drill.checks.length > 0 && <Panel title="Preflight"><Checks checks={drill.checks} /></Panel>}
        </div>
        <div>
          {!drill.over && controls.length > 0 && <Panel title="What each node answers by"><Stack gap="md">{controls.slice(0, 12).map((c) => <ControlWindow key={c} id={c} />)}</Stack></Panel>}
          <Panel title="Timeline" note={String(drill.timeline.length)}><Notes notes={drill.timeline} newest={!drill.over} /></Panel>
        </div>
      </div>
    </Page>
  )
}

function Outcome({ drill }: { drill: Drill }) {
  const report = useQuery({ ...get('/reports/{id}', { params: { path: { id: drill.id } } }), retry: false, enabled: drill.over && drill.phase !== 'skipped', refetchInterval: (q) => (q.state.data ? false : 1000) }).data?.body // it comes a moment after the end
  const p = phaseOf(drill.phase)
  return (
    <Alert variant="light" color={p.state === 'up' ? 'green' : p.state === 'down' ? 'red' : 'yellow'} title={drill.phase === 'done' ? (drill.practice ? 'The practice is over' : 'The drill is over, and all of it is back') : `The drill ${p.word === 'done' ? 'is over' : drill.phase === 'aborted' ? 'was aborted' : drill.phase === 'skipped' ? 'was skipped' : drill.phase}${drill.code ? `: ${drill.code}` : ''}`}>
      <Stack gap="xs">
        {drill.problem && <Text size="sm">{drill.problem}</Text>}
        {report?.achieved && <Text size="sm">Clients were elsewhere after <b>{span(parseDuration(report.achieved))}</b>{report.rto && <>, expected were {span(parseDuration(report.rto))}: <b>{report.met === false ? 'missed' : 'met'}</b></>}.</Text>}
        <Text size="sm">Nothing that it did is in force.</Text>
        {report && <Group><Button component={Link} to={`/drills/reports/${drill.id}`} size="compact-sm" variant="default">Read the report</Button></Group>}
      </Stack>
    </Alert>
  )
}

const touches = ['/drills', '/reports', '/controls', '/windows', '/health', '/answers'] as const

function Abort({ drill }: { drill: Drill }) {
  const abort = useWrite((reason: string) => write('post', '/drills/{id}/abort', { params: { path: { id: drill.id } } }, { reason }), touches)
  if (drill.over) return null
  const out = drill.steps.flatMap((s) => (s.controls?.length ? [s.text ?? s.name] : []))
  return (
    <ConfirmAction label="Abort" title={`Abort ${drill.id}, ${drill.plan.title || drill.plan.name}?`} does={(why) => ({ curl: { method: 'POST', path: `/drills/${drill.id}/abort`, reason: why }, cli: `drill abort ${drill.id}${because(why)}` })} needs="operator" reason="optional" button={{ color: 'red', variant: 'light' }} run={(r) => abort.mutateAsync(r)}>
      <Text size="sm">{out.length > 0 ? <>What it took out is brought back by the same change: <b className="mono">{out.join(', ')}</b>. Clients go back as their TTLs end.</> : 'It has taken nothing out yet; it ends, and nothing moves.'}</Text>
      {drill.steps.some((s) => s.kind === 'webhook' && s.state === 'done') && <Text size="sm">What its webhooks did is not taken back.</Text>}
    </ConfirmAction>
  )
}

function Approve({ drill }: { drill: Drill }) {
  const me = useSession().data?.body.actor
  const approve = useWrite((reason: string) => write('post', '/drills/{id}/approve', { params: { path: { id: drill.id } } }, { reason }), touches)
  const step = drill.steps.find((s) => s.kind === 'approval' && s.state === 'running')
  if (drill.over || !step) return null
  const refused = me === drill.actor ? 'You started it: somebody else has to approve it.' : me && step.approvedBy?.includes(me) ? 'You have approved it already.' : undefined
  return (
    <ConfirmAction label="Approve" title={`Approve ${drill.id}, ${drill.plan.title || drill.plan.name}?`} does={(why) => ({ curl: { method: 'POST', path: `/drills/${drill.id}/approve`, reason: why }, cli: `drill approve ${drill.id}${because(why)}` })} needs="operator" reason="optional" danger={false} refused={refused} button={{ variant: 'filled' }} run={(r) => approve.mutateAsync(r)}>
      <Text size="sm">It goes on at once when it has enough approvals: <b>{planText(drill.plan)}</b>. It has {step.approvedBy?.length ?? 0}, wanted is approval {step.text}.</Text>
    </ConfirmAction>
  )
}
