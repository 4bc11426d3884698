import { Button, Group, List, MultiSelect, NumberInput, SegmentedControl, Select, Stack, Switch, TagsInput, Text, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { useMemo, useState } from 'react'

import { type Got, write } from '../../api/client'
import { useCluster, useWhyNot } from '../../api/guard'
import { problemOf } from '../../api/problem'
import { get, useWrite } from '../../api/queries'
import { Guarded } from '../../shared/Guarded'
import { applies, CopyAs } from '../../shared/CopyAs'
import { ErrorBox } from '../../shared/ErrorBox'
import { Loaded, Page } from '../../shared/Page'
import { Panel } from '../../shared/Panel'
import { ReasonInput } from '../../shared/ReasonInput'
import { offer } from '../../shared/offer'
import { Preview } from './Preview'
import { RampFields } from './Ramp'
import type { Scope } from './route'
import { StepsEditor } from './StepsEditor'
import css from './Drills.module.css'
import { type Plan, asWritten, assumptions, scheduleText } from './words'

const route = getRouteApi('/app/drills/new')
const kinds = [{ value: 'evacuate', label: 'Evacuate' }, { value: 'down', label: 'Feign down' }, { value: 'vantage', label: 'Lose a vantage' }, { value: 'nameserver', label: 'Lose a name server' }, { value: 'steps', label: 'Runbook' }]
const about: Record<string, string> = {
  evacuate: 'What is drained leaves all answers, as before maintenance. Clients that hold an answer come until its TTL is over.',
  down: 'What is feigned counts as down, as if its checks failed: steering, last resorts and alerts behave as in a failure.',
  vantage: 'What this node sees of endpoints is ignored: do verdicts stay right without it?',
  nameserver: 'This node answers no DNS query: do resolvers go elsewhere?',
  steps: 'Steps of your own, one after the other or at once. What no step restores is restored at the end.',
}

export default function NewPlan() {
  const { from } = route.useSearch()
  const old = useQuery({ ...get('/drill-plans/{name}', { params: { path: { name: from ?? '' } } }), enabled: !!from })
  if (from && !old.data) return <Page title={`Edit ${from}`}><Loaded of={old}>{() => null}</Loaded></Page>
  return <Form key={from} old={from ? old.data : undefined} />
}

const scopeOf = (p?: Plan): Scope => (p?.steps?.length ? { what: 'steps' } : p?.simulate?.vantage ? { what: 'vantage', node: p.simulate.vantage } : p?.simulate?.nameserver ? { what: 'nameserver', node: p.simulate.nameserver } : p?.simulate?.down ? { what: 'down', targets: p.simulate.down } : { what: 'evacuate', targets: p?.evacuate })

function useTargets() {
  const regions = useQuery(get('/regions')).data?.body.items
  const providers = useQuery(get('/providers')).data?.body.items
  const pools = useQuery(get('/pools')).data?.body.items
  return useMemo(() => {
    const named = new Set([...(providers ?? []).map((p) => p.name), ...(regions ?? []).flatMap((r) => (r.provider ? [r.provider] : []))])
    return [
      { group: 'Regions', items: (regions ?? []).map((r) => `region/${r.name}`) },
      { group: 'Providers', items: [...named].sort().map((p) => `provider/${p}`) },
      { group: 'Availability zones', items: (regions ?? []).flatMap((r) => (r.azs ?? []).map((a) => `az/${r.name}/${a}`)) },
      { group: 'Pools', items: (pools ?? []).map((p) => `pool/${p.name}`) },
    ].filter((g) => g.items.length > 0)
  }, [regions, providers, pools])
}

function Form({ old }: { old?: Got<Plan> }) {
  const search = route.useSearch()
  const go = route.useNavigate()
  const navigate = useNavigate()
  const was = scopeOf(old?.body)
  const what = search.what ?? was.what ?? 'evacuate'
  const targets = search.targets ?? (search.what && search.what !== was.what ? [] : was.targets ?? [])
  const node = search.node ?? was.node
  const [p, setP] = useState<Plan>(old ? asWritten(old.body) : { name: '', hold: '5m' })
  const [reason, setReason] = useState('')
  const why = useWhyNot('editor')
  const options = useTargets()
  const [typed, setTyped] = useState('')
  const offered = useMemo(() => offer(options, typed, targets), [options, typed, targets.join('\n')])
  const [condition, setCondition] = useState('')
  const nodes = (useCluster().data?.body.members ?? []).map((m) => m.node)
  const regionNames = useQuery(get('/regions')).data?.body.items.map((r) => r.name)
  const signals = useQuery(get('/signals')).data?.body.items ?? []
  const safety = useQuery(get('/safety')).data?.body.targets
  const against = what === 'evacuate' ? (safety ?? []).filter((t) => targets.includes(t.target) && !t.allowed) : []
  const plan = useMemo<Plan>(() => {
    const { evacuate: _e, simulate: _s, steps, ...rest } = p
    const clean = Object.fromEntries(Object.entries(rest).filter(([, v]) => v !== '' && v !== undefined)) as Partial<Plan>
    if (clean.schedule && !clean.schedule.cron) delete clean.schedule
    if (what !== 'evacuate') { delete clean.lowerTTL; delete clean.ramp; delete clean.returnOver }
    if (what === 'steps') { delete clean.hold; return { ...clean, name: p.name, steps: steps ?? [] } }
    return { ...clean, name: p.name, ...(what === 'evacuate' ? { evacuate: targets } : { simulate: what === 'down' ? { down: targets } : what === 'vantage' ? { vantage: node } : { nameserver: node } }) }
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [p, what, targets.join('\n'), node])
  const assume = useMemo(() => assumptions(plan), [plan])
  const set = (next: Partial<Plan>) => setP((q) => ({ ...q, ...next }))
  const scope = (next: Scope) => void go({ search: { ...search, ...next }, replace: true })
  const chosen = what === 'steps' ? !!plan.steps?.length : what === 'evacuate' || what === 'down' ? targets.length > 0 : !!node
  const conditions = [...signals.map((s) => `signal:${s.name}`), ...(regionNames ?? []).map((r) => `load:region/${r}>90`)]
  const waits = [...options.flatMap((g) => g.items.map((t) => `up:${t}`)), ...signals.map((s) => `signal:${s.name}`)]
  const [asked] = useDebouncedValue(plan, 600)
  const dry = useQuery({
    queryKey: ['/config', 'plan', 'drill', asked], enabled: what === 'steps' && !!asked.steps?.length && asked.name !== '', retry: false, gcTime: 0,
    queryFn: () => write('put', '/config', { params: { query: { dryRun: true, merge: true } }, body: { drillPlans: [asked] } }),
  })
  const wrong = what === 'steps' && dry.error ? problemOf(dry.error) : undefined
  const save = useWrite((r: string) => write('put', '/drill-plans/{name}', { params: { path: { name: plan.name }, header: old ? {} : { 'If-None-Match': '*' } }, body: plan }, { etag: old?.etag, reason: r }), ['/drill-plans', '/config', '/revisions'])
  const missing = !chosen ? (what === 'steps' ? 'It wants a step.' : 'Choose what it is about first.') : !p.name ? 'It wants a name.' : wrong ? 'It could not be saved so: see what is wrong with the steps.' : !reason.trim() ? 'It wants a reason.' : undefined
  return (
    <Page title={old ? `Edit ${old.body.name}` : 'New drill'} lead="What fails, whom that moves, and how it goes. Saving the plan moves nobody; preflight and the start are on its page."
      actions={<CopyAs curl={{ method: 'PUT', path: `/drill-plans/${p.name || 'NAME'}`, body: plan }} cli={applies('drillPlans', plan)} json={plan} />}>
      <form onSubmit={(e) => { e.preventDefault(); if (!missing && !why) save.mutate(reason.trim(), { onSuccess: () => void navigate({ to: '/drills/plans/$name', params: { name: plan.name } }) }) }}>
        <Stack gap="md">
          <Panel title="1  What fails">
            <Stack gap="sm">
              <SegmentedControl aria-label="Kind of failure" value={what} onChange={(v) => scope({ what: v, targets: v === 'evacuate' || v === 'down' ? targets : undefined, node: undefined })} data={kinds} size="sm" className={css.kinds} />
              <Text size="sm" c="dimmed">{about[what]}</Text>
              {what === 'evacuate' || what === 'down'
                ? <MultiSelect label="Targets" data={offered} value={targets} onChange={(v) => scope({ what, targets: v })} searchable searchValue={typed} onSearchChange={setTyped} placeholder={targets.length ? '' : 'A region, a provider, a pool …'} maw={720} hidePickedOptions />
                : what !== 'steps' && <Select label="Node" data={nodes} value={node ?? null} onChange={(v) => scope({ what, node: v ?? undefined })} maw={360} placeholder="Which node" />}
              {against.length > 0 && <Text size="sm" c="var(--m-down-text)" component="div">Safety rules are against it as things stand; preflight would fail.<List size="sm">{against.flatMap((t) => t.problems.map((m) => <List.Item key={t.target + m}><b className="mono">{t.target}</b>: {m}</List.Item>))}</List></Text>}
            </Stack>
          </Panel>
          {what === 'steps' && <Panel title="Steps" note={dry.isFetching ? 'being checked' : wrong ? `${wrong.problems?.length ?? 1} to mend` : dry.data ? 'as they may be' : undefined}>
            {!p.steps?.length && <Text size="sm" c="dimmed">Begin with what is taken out, wait until its TTL window has closed, do what there is to do, and restore it.</Text>}
            <StepsEditor steps={p.steps ?? []} set={(steps) => set({ steps })} choices={{ targets: options, nodes, conditions, waits }} at="/drillPlans/0/steps" problems={wrong?.problems} />
            {!p.name && !!p.steps?.length && <Text size="xs" c="dimmed" mt="sm">They are checked as you write once the plan has a name.</Text>}
            {wrong && <div aria-live="polite"><ErrorBox error={wrong.problems?.length && wrong.problems.every((m) => m.pointer?.startsWith('/drillPlans/0/steps/')) ? undefined : dry.error} title="It could not be saved so" /></div>}
          </Panel>}
          <Preview assume={assume} service={search.service} set={(service) => scope({ service })} />
          <Panel title="2  How it goes">
            <div className={css.fields}>
              <TextInput label="Name" description="What it is called" placeholder="frankfurt-away" value={p.name} onChange={(e) => set({ name: e.currentTarget.value })} disabled={!!old} required />
              <TextInput label="Title" description="What it is about, on one line" placeholder="Frankfurt is away" value={p.title ?? ''} onChange={(e) => set({ title: e.currentTarget.value })} />
              {what === 'evacuate' && <RampFields p={p} set={set} conditions={conditions} />}
              {what === 'evacuate' && <TextInput label="Come back over" description="In even steps, 9s to 168h; empty is at once" placeholder="at once" value={p.returnOver ?? ''} onChange={(e) => set({ returnOver: e.currentTarget.value || undefined })} />}
              {what !== 'steps' && <TextInput label="Hold for" description="After the TTL window has closed" placeholder="15m" value={p.hold ?? ''} onChange={(e) => set({ hold: e.currentTarget.value })} />}
              <TextInput label="Expected recovery" description="The report holds it against this" placeholder="90s" value={p.rto ?? ''} onChange={(e) => set({ rto: e.currentTarget.value })} />
              <NumberInput label="Approvals" description="By others than who starts it" min={0} max={10} value={p.approvals ?? 0} onChange={(v) => set({ approvals: Number(v) || undefined })} />
              <TextInput label="Hard end" description="Nodes stop by their own clocks" placeholder="by its length" value={p.expires ?? ''} onChange={(e) => set({ expires: e.currentTarget.value })} />
              <TagsInput label="Abort when" description="Beside real failures; Enter adds one" placeholder="signal:slo" limit={80} value={p.abortWhen ?? []} onChange={(v) => set({ abortWhen: v.length ? v : undefined })}
                searchValue={condition} onSearchChange={setCondition} data={[...signals.map((s) => `signal:${s.name}`), ...offer(options, condition.replace(/^down:?/, '')).flatMap((g) => g.items.map((t) => `down:${t}`))]} clearButtonProps={{ 'aria-label': 'Clear' }} />
              <TextInput label="Schedule" description={p.schedule?.cron ? scheduleText(p.schedule.cron) : 'Cron by UTC; empty is on demand'} placeholder="0 9 * * 2" value={p.schedule?.cron ?? ''} onChange={(e) => set({ schedule: e.currentTarget.value ? { ...p.schedule, cron: e.currentTarget.value } : undefined })} />
              <TextInput label="Jitter" description="It starts up to so much later" placeholder="0s" disabled={!p.schedule?.cron} value={p.schedule?.jitter ?? ''} onChange={(e) => set({ schedule: { cron: p.schedule?.cron ?? '', jitter: e.currentTarget.value || undefined } })} />
            </div>
            <Group mt="md" gap="xl">
              {what === 'evacuate' && <Switch checked={p.lowerTTL ?? true} onChange={(e) => set({ lowerTTL: e.currentTarget.checked ? undefined : false })} label="Lower TTLs before, where a service has a range" />}
              <Switch checked={p.practice ?? false} onChange={(e) => set({ practice: e.currentTarget.checked || undefined })} label="Practice only: change nothing" />
            </Group>
          </Panel>
          <Panel title="3  Save the plan">
            <Stack gap="sm">
              <ReasonInput value={reason} onChange={setReason} required />
              <ErrorBox error={save.error} title="Not saved" />
              <Group justify="flex-end">
                <Button variant="default" onClick={() => void navigate({ to: '/drills' })}>Cancel</Button>
                <Guarded why={why ?? missing}><Button type="submit" loading={save.isPending} disabled={!!why || !!missing}>Save, then preflight</Button></Guarded>
              </Group>
            </Stack>
          </Panel>
        </Stack>
      </form>
    </Page>
  )
}
