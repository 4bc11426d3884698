import { Group, MultiSelect, Select, Stack, Switch, TagsInput, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'

import { type Schemas, write } from '../../api/client'
import { useCluster } from '../../api/guard'
import { get, useWrite } from '../../api/queries'
import { ConfirmAction } from '../../shared/ConfirmAction'
import { shell } from '../../shared/CopyAs'
import { EffectTable } from '../../shared/Effect'
import { Panel } from '../../shared/Panel'
import { StateIcon, StatusBadge } from '../../shared/Status'
import { Time, span, useNow } from '../../shared/Time'
import css from './Changes.module.css'
import type { Draft } from './words'

const touches = ['/drafts', '/revisions', '/config'] as const
const times = [['1m', '1 minute'], ['10m', '10 minutes'], ['1h', '1 hour'], ['6h', '6 hours'], ['24h', 'a day']] as const

/** A canary: where it is, how long still, and how the conditions stand that would end it. */
export function CanaryNow({ draft, conditions }: { draft: Draft; conditions: Schemas['ConditionState'][] }) {
  const now = useNow()
  const c = draft.canary!
  const end = useWrite((reason: string) => write('delete', '/drafts/{id}/canary', { params: { path: { id: draft.id } } }, { reason }), touches)
  const from = new Date(c.startedAt).getTime(), to = new Date(c.endsAt).getTime()
  const running = c.state === 'running' && draft.state === 'open'
  const share = Math.min(Math.max((now - from) / Math.max(to - from, 1), 0), 1)
  return (
    <Panel title="Canary" note={<>on <span className="mono">{c.nodes.join(', ')}</span></>} actions={running ? (
      <ConfirmAction label="Take back" title={`Take ${draft.id} back from ${c.nodes.join(', ')}?`} does={(why) => ({ curl: { method: 'DELETE', path: `/drafts/${draft.id}/canary`, reason: why }, cli: `draft canary ${draft.id} --end` })} needs="editor" reason="optional" button={{ color: 'red', variant: 'light' }} run={(r) => end.mutateAsync(r)}>
        <Text size="sm">These nodes answer as all others do again, at once. The draft stays open.</Text>
      </ConfirmAction>
    ) : <StatusBadge state={c.state === 'passed' ? 'up' : c.state === 'aborted' ? 'down' : 'unknown'} word={c.state === 'running' ? 'over' : c.state} />}>
      <Stack gap="sm">
        {running ? <>
          <Text size="sm"><b className="num">{now < to ? span(to - now) : 'moments'}</b> left, then {c.hold ? 'the draft waits' : 'it is published everywhere'}.</Text>
          <div className={css.bar} role="progressbar" aria-label="Canary" aria-valuenow={Math.round(share * 100)} aria-valuemin={0} aria-valuemax={100}><i style={{ width: `${share * 100}%` }} /></div>
        </> : <Text size="sm">{c.state === 'aborted' ? `It was taken back: ${c.problem || 'somebody ended it'}` : 'Its time went by with no condition come true'}. <Time at={c.endsAt} /></Text>}
        {running && (conditions.length > 0
          ? <ul className="plainlist">{conditions.map((k) => <li key={k.condition} className={css.review}><StateIcon state={k.problem ? 'down' : 'up'} size={11} /><span className="mono">{k.condition}</span><span>{k.problem ?? 'as it should be'}</span></li>)}</ul>
          : <Text size="xs" c="dimmed">No condition takes it back by itself.</Text>)}
      </Stack>
    </Panel>
  )
}

/** Puts a draft in use at some nodes before all others. */
export function StartCanary({ draft, etag, fits, problem, effects }: { draft: Draft; etag: string; fits: boolean; problem?: string; effects: Schemas['Effect'][] }) {
  const members = useCluster().data?.body.members.filter((m) => !m.agent) ?? []
  const signals = useQuery(get('/signals')).data?.body.items ?? []
  const pools = useQuery(get('/pools')).data?.body.items ?? []
  const [nodes, setNodes] = useState<string[]>([])
  const [time, setTime] = useState<string>('10m')
  const [hold, setHold] = useState(false)
  const [when, setWhen] = useState<string[]>([])
  const start = useWrite(async (reason: string) => {
    if (nodes.length === 0) throw new Error('Choose the nodes that are to answer by it.')
    return write('post', '/drafts/{id}/canary', { params: { path: { id: draft.id } }, body: { nodes, for: time, hold: hold || undefined, abortWhen: when.length ? when : undefined } }, { etag, reason })
  }, touches)
  const refused = draft.canary?.state === 'running' ? 'It is a canary already.' : members.length === 1 ? 'There is one node: a canary wants another that does not answer by it.' : !fits ? problem ?? 'It does not fit what there is now.' : undefined
  return (
    <ConfirmAction label="Canary" title={`Try ${draft.id}, ${draft.title}, on some nodes?`} does={(why) => ({ curl: { method: 'POST', path: `/drafts/${draft.id}/canary`, body: { nodes, for: time, hold: hold || undefined, abortWhen: when.length ? when : undefined }, reason: why }, cli: `draft canary ${draft.id}${nodes.map((n) => ` --node ${shell(n)}`).join('')} --for ${shell(time)}${hold ? ' --hold' : ''}${when.map((w) => ` --abort-when ${shell(w)}`).join('')}` })} needs="editor" reason="optional" danger={false} refused={refused} run={(r) => start.mutateAsync(r)}>
      <Text size="sm">They answer DNS by the draft, all others as now. Resolvers that ask them get its answers.</Text>
      <MultiSelect label="Nodes" data={members.map((m) => m.node)} value={nodes} onChange={setNodes} required hidePickedOptions placeholder={nodes.length ? '' : 'Which answer by it'} />
      <Group align="end">
        <Select label="For" data={times.map(([value, label]) => ({ value, label }))} value={time} onChange={(v) => setTime(v ?? '10m')} allowDeselect={false} w={150} />
        <Switch label="Then wait, instead of publishing it" checked={hold} onChange={(e) => setHold(e.currentTarget.checked)} mb={8} />
      </Group>
      <TagsInput label="Take it back when" description="down: a region, provider, pool or endpoint; signal: an external one" value={when} onChange={setWhen} placeholder={when.length ? '' : 'signal:slo'} limit={80} data={[...signals.map((s) => `signal:${s.name}`), ...pools.map((p) => `down:pool/${p.name}`)]} clearButtonProps={{ 'aria-label': 'Clear' }} />
      {effects.slice(0, 2).map((e) => <EffectTable key={e.service + e.type} effect={e} rows={3} />)}
    </ConfirmAction>
  )
}
