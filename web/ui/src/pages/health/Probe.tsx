import { Button, Group, Select, Stack, Text } from '@mantine/core'
import { useState } from 'react'

import { type Schemas, write } from '../../api/client'
import { useWhyNot } from '../../api/guard'
import { useWrite } from '../../api/queries'
import { Guarded } from '../../shared/Guarded'
import { CopyAs, shell } from '../../shared/CopyAs'
import { ErrorBox } from '../../shared/ErrorBox'
import { Panel } from '../../shared/Panel'
import { StatusBadge } from '../../shared/Status'
import { Time, parseDuration } from '../../shared/Time'
import css from './Health.module.css'
import { msText } from './matrix'

const phaseText: Record<string, string> = { dns: 'resolve', connect: 'connect', tls: 'TLS', firstByte: 'first byte' }

/** One probe now, from a vantage of choice, with where its time went. It counts for no verdict. */
export function Probe({ id, monitors, vantages }: { id: string; monitors: string[]; vantages: string[] }) {
  const whyNot = useWhyNot('operator')
  const [vantage, setVantage] = useState<string | null>(null)
  const [monitor, setMonitor] = useState(monitors[0] ?? '')
  const body = { ...(vantage ? { vantage } : {}), ...(monitors.length > 1 ? { monitor } : {}) }
  const probe = useWrite(() => write('post', '/health/{endpoint}/probe', { params: { path: { endpoint: id } }, body } as never), [])
  const result = probe.data?.body as Schemas['ProbeResult'] | undefined
  return (
    <Panel title="Probe now" note="one probe, under the rules of all; it counts for no verdict"
      actions={<CopyAs curl={{ method: 'POST', path: `/health/${id}/probe`, body }} cli={`probe ${shell(id)}${vantage ? ` --vantage ${shell(vantage)}` : ''}${monitors.length > 1 ? ` --monitor ${shell(monitor)}` : ''}`} json={result} />}>
      <Stack gap="sm">
        <Group gap="xs" align="flex-end">
          <Select size="xs" label="From" placeholder="this node" clearable data={vantages} value={vantage} onChange={setVantage} w={170} clearButtonProps={{ 'aria-label': 'From this node' }} />
          {monitors.length > 1 && <Select size="xs" label="Monitor" data={monitors} value={monitor} onChange={(v) => setMonitor(v ?? monitors[0]!)} allowDeselect={false} w={170} />}
          <Guarded why={whyNot}><Button size="xs" loading={probe.isPending} data-disabled={whyNot ? true : undefined} aria-disabled={!!whyNot} onClick={() => { if (!whyNot) probe.mutate(undefined) }}>Probe now</Button></Guarded>
        </Group>
        <ErrorBox error={probe.error} />
        {result && <Trace r={result} />}
      </Stack>
    </Panel>
  )
}

function Trace({ r }: { r: Schemas['ProbeResult'] }) {
  const e = r.evidence
  const took = parseDuration(e.took)
  let at = 0
  const phases = (['dns', 'connect', 'tls', 'firstByte'] as const).flatMap((k) => {
    const d = e.phases[k]
    if (!d) return []
    const ms = parseDuration(d)
    const p = { k, ms, from: at }
    at += ms
    return [p]
  })
  if (took > at) phases.push({ k: 'rest' as never, ms: took - at, from: at })
  return (
    <div aria-live="polite">
      <Group gap="sm" mb={8}>
        <StatusBadge state={e.ok ? 'up' : e.refused ? 'unknown' : 'down'} word={e.ok ? 'succeeded' : e.refused ? 'not probed' : 'failed'} />
        <Text size="sm"><span className="mono">{r.vantage}</span>{e.address && <> to <span className="mono">{e.address}</span></>} in {msText(took)}, <Time at={e.at} /></Text>
      </Group>
      {e.error && <Text size="sm" mb={8}>{e.cause && <b>{e.cause}: </b>}{e.error}</Text>}
      <div className={css.trace}>
        {phases.map((p) => (
          <TraceRow key={p.k} name={phaseText[p.k] ?? 'the rest'} from={took > 0 ? p.from / took : 0} part={took > 0 ? p.ms / took : 0} ms={p.ms} />
        ))}
      </div>
      <Text size="xs" c="dimmed" mt={8}>{[r.kind, e.status && `answered ${e.status}`, e.tlsVersion].filter(Boolean).join(' · ')}{e.tlsExpiry && <> · certificate expires <Time at={e.tlsExpiry} /></>}</Text>
    </div>
  )
}

function TraceRow({ name, from, part, ms }: { name: string; from: number; part: number; ms: number }) {
  return (
    <>
      <span>{name}</span>
      <span className={css.track}><i style={{ display: 'block', height: 8, minWidth: 2, borderRadius: 4, background: 'var(--m-accent)', marginLeft: `${from * 100}%`, width: `${Math.min(part, 1 - from) * 100}%` }} /></span>
      <span className="num">{msText(ms)}</span>
    </>
  )
}
