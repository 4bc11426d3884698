import { Alert, Anchor, Button, Group, Stack, Switch, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, getRouteApi, useNavigate } from '@tanstack/react-router'
import { useMemo, useState } from 'react'

import { type Got, write } from '../../api/client'
import { get, useWrite } from '../../api/queries'
import { ConfirmAction } from '../../shared/ConfirmAction'
import { applies, because, CopyAs, shell } from '../../shared/CopyAs'
import { ErrorBox } from '../../shared/ErrorBox'
import { Go } from '../../shared/Go'
import { Loaded, Page } from '../../shared/Page'
import { Panel } from '../../shared/Panel'
import { StatusBadge } from '../../shared/Status'
import { Time, parseDuration, span } from '../../shared/Time'
import { Waiting } from '../../shared/Waiting'
import { RunningNow } from './Clock'
import css from './Drills.module.css'
import { Preview } from './Preview'
import { Checks, Steps } from './Steps'
import { Trend } from './Trend'
import { type Plan, assumptions, phaseOf, planText, rampText, scheduleText, trend } from './words'

const route = getRouteApi('/app/drills/plans/$name')

export default function PlanPage() {
  const { name } = route.useParams()
  const q = useQuery(get('/drill-plans/{name}', { params: { path: { name } } }))
  if (!q.data) return <Page title={name}><Loaded of={q} lines={8}>{() => null}</Loaded></Page>
  return <Shown got={q.data} />
}

const length = (d?: string) => (d ? span(parseDuration(d)) : undefined)
const windowText = (w: NonNullable<Plan['allowed']>[number]) => `${w.days?.length ? `${w.days.join(' ')} ` : ''}${w.from} – ${w.to}`

function Shown({ got }: { got: Got<Plan> }) {
  const plan = got.body
  const { service } = route.useSearch()
  const navigate = route.useNavigate()
  const preflight = useQuery({ ...get('/drill-plans/{name}/preflight', { params: { path: { name: plan.name } } }), retry: false, refetchInterval: 15_000 })
  const runs = useQuery(get('/drills')).data?.body.items
  const reports = useQuery(get('/reports')).data?.body.items
  const mine = runs?.filter((d) => d.plan.name === plan.name) ?? []
  const going = runs?.find((d) => !d.over)
  const of = useMemo(() => (reports ? trend(reports, plan.name) : []), [reports, plan.name])
  const assume = useMemo(() => assumptions(plan), [plan])
  const check = preflight.data?.body
  const failing = check?.checks.filter((c) => c.result === 'fail') ?? []
  const busy = going && going.plan.name !== plan.name ? `${going.id} (${going.plan.name}) goes on: one drill at a time does anything.` : going ? `${going.id} of it goes on.` : undefined
  return (
    <Page title={plan.title || plan.name} lead={<>{planText(plan)} · <span className="mono">{plan.name}</span></>}
      status={going?.plan.name === plan.name ? <StatusBadge {...phaseOf(going.phase)} /> : check && <StatusBadge state={!check.ok ? 'down' : check.checks.some((c) => c.result === 'warn') ? 'degraded' : 'up'} word={!check.ok ? 'could not run now' : 'ready to run'} />}
      actions={<>
        <Start plan={plan} refused={busy ?? (failing.length > 0 ? `Preflight fails: ${failing.map((c) => c.text).join('; ')}` : undefined)} assume={assume} />
        <Button component={Link} to={`/drills/new?from=${encodeURIComponent(plan.name)}`} size="compact-sm" variant="default">Edit</Button>
        <Remove got={got} />
        <CopyAs curl={{ path: `/drill-plans/${plan.name}` }} cli={applies('drillPlans', plan)} json={plan} />
      </>}>
      {going && going.plan.name === plan.name && <RunningNow drill={going} />}
      <dl className="facts">
        <div><dt>Schedule</dt><dd>{plan.schedule ? <>{scheduleText(plan.schedule.cron)}{plan.schedule.jitter && parseDuration(plan.schedule.jitter) > 0 ? `, up to ${length(plan.schedule.jitter)} later` : ''}</> : 'on demand'}</dd></div>
        {!plan.steps?.length && <div><dt>Holds for</dt><dd>{length(plan.hold ?? '15m')} after the TTL window</dd></div>}
        {rampText(plan) && <div><dt>Clients</dt><dd>{rampText(plan)}</dd></div>}
        <div><dt>Expected recovery</dt><dd>{length(plan.rto) ?? 'not said'}</dd></div>
        <div><dt>Approvals</dt><dd>{plan.approvals ? `${plan.approvals} by others` : 'none'}</dd></div>
        <div><dt>Aborts when</dt><dd className={plan.abortWhen?.length ? 'mono' : undefined}>{plan.abortWhen?.join(', ') || 'something really fails'}</dd></div>
        <div><dt>Hard end</dt><dd>{length(plan.expires) ?? 'by its length'}</dd></div>
        {plan.allowed?.length ? <div><dt>Only in</dt><dd>{plan.allowed.map(windowText).join(', ')} UTC</dd></div> : null}
        {plan.blocked?.length ? <div><dt>Never in</dt><dd>{plan.blocked.map(windowText).join(', ')} UTC</dd></div> : null}
      </dl>
      <div className={css.two}>
        <div>
          <Panel title="What it would do" note={check ? `${check.steps.length} steps` : undefined}>{check ? <Steps steps={check.steps} planned /> : preflight.error ? null : <Waiting height={120} />}</Panel>
        </div>
        <div>
          <Panel title="Preflight" note={check ? (check.ok ? 'it could run now' : `${failing.length} of ${check.checks.length} fail`) : undefined} actions={<Anchor component="button" size="xs" onClick={() => void preflight.refetch()}>Check again</Anchor>}>
            {preflight.error && !check ? <ErrorBox error={preflight.error} retry={() => void preflight.refetch()} /> : check ? <Checks checks={check.checks} /> : <Waiting height={80} />}
          </Panel>
        </div>
      </div>
      {assume.length > 0 ? <Preview assume={assume} service={service} set={(s) => void navigate({ search: { service: s }, replace: true })} />
        : <Panel title="Whom it moves"><Text size="sm">{plan.simulate?.vantage ? `Verdicts are made without ${plan.simulate.vantage}. Answers change only where its vote decides.` : plan.simulate?.nameserver ? `Resolvers that ask ${plan.simulate.nameserver} get no response and ask another name server. Answers stay as they are.` : 'It drains nothing and feigns nothing to be down.'}</Text></Panel>}
      <div className={css.two}>
        <div><Panel title="Runs" note={String(mine.length)}>
          {mine.length === 0 ? <Text size="sm" c="dimmed">It has not run yet. A practice run goes through preflight and says when each step would be, and changes nothing.</Text> : (
            <ul className="plainlist">{mine.slice(0, 12).map((d) => (
              <li key={d.id} className="change"><Go to="/drills/$id" params={{ id: d.id }} className="mono">{d.id}</Go><Group gap="xs"><StatusBadge {...phaseOf(d.phase)} /><Text size="xs" c="dimmed">{[d.practice && 'practice', d.code, d.reason || (d.due && 'by its schedule'), d.actorName ?? d.actor].filter(Boolean).join(' · ')}</Text></Group><Text size="xs" c="dimmed"><Time at={d.startedAt ?? d.createdAt} /></Text></li>
            ))}</ul>
          )}
        </Panel></div>
        <div><Panel title="Recovery over time">{of.length > 1 ? <Trend reports={of} height={150} /> : <Text size="sm" c="dimmed">{of.length === 1 ? `One run was measured: ${length(of[0]!.achieved)}.` : 'No run was measured yet.'} From the second on they are compared here.</Text>}</Panel></div>
      </div>
    </Page>
  )
}

function Start({ plan, refused, assume }: { plan: Plan; refused?: string; assume: string[] }) {
  const navigate = useNavigate()
  const [practice, setPractice] = useState(false)
  const start = useWrite((reason: string) => write('post', '/drills', { body: { plan: plan.name, practice: practice || undefined } }, { reason }), ['/drills'])
  return (
    <ConfirmAction label="Start" title={`Start ${plan.title || plan.name}?`} does={(why) => ({ curl: { method: 'POST', path: '/drills', body: { plan: plan.name, practice: practice || undefined }, reason: why }, cli: `drill start ${shell(plan.name)}${practice ? ' --practice' : ''}${because(why)}` })} needs="operator" refused={refused} danger={!practice && !plan.practice} button={{ variant: 'filled' }}
      run={async (reason) => { const made = await start.mutateAsync(reason); void navigate({ to: '/drills/$id', params: { id: (made.body as { id: string }).id } }) }}>
      <Text size="sm">{planText(plan)}{plan.steps?.length ? '' : <>, hold for {length(plan.hold ?? '15m')} once the TTL window has closed, and bring it back</>}. {plan.approvals ? `It begins when ${plan.approvals} other${plan.approvals === 1 ? ' has' : 's have'} approved it.` : 'It begins at once.'}</Text>
      {assume.length > 0 && !practice && !plan.practice && <Alert color="yellow" variant="light" title="Clients are moved for real"><Text size="sm">It takes <b className="mono">{assume.map((a) => a.slice(a.indexOf(':') + 1)).join(', ')}</b> out of answers. You can abort at any time; clients follow as their TTLs end.</Text></Alert>}
      <Switch checked={practice || !!plan.practice} disabled={plan.practice} onChange={(e) => setPractice(e.currentTarget.checked)} label="Practice: go through preflight, say when each step would be, and change nothing" />
    </ConfirmAction>
  )
}

function Remove({ got }: { got: Got<Plan> }) {
  const navigate = useNavigate()
  const remove = useWrite((reason: string) => write('delete', '/drill-plans/{name}', { params: { path: { name: got.body.name } } }, { etag: got.etag, reason }), ['/drill-plans', '/config', '/revisions'])
  return (
    <ConfirmAction label="Delete" title={`Delete the plan ${got.body.name}?`} does={(why) => ({ curl: { method: 'DELETE', path: `/drill-plans/${got.body.name}`, reason: why }, cli: `delete ${shell(`drill-plan/${got.body.name}`)}${because(why)}` })} needs="editor" run={async (reason) => { await remove.mutateAsync(reason); void navigate({ to: '/drills' }) }}>
      <Stack gap={4}><Text size="sm">It runs no more{got.body.schedule ? `, by its schedule (${scheduleText(got.body.schedule.cron)}) neither` : ''}. Runs that go on keep the plan that they began with, and its reports stay. No client is moved.</Text></Stack>
    </ConfirmAction>
  )
}
