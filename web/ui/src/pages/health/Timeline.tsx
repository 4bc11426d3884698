import { Skeleton, Stack, Text } from '@mantine/core'
import { keepPreviousData, useQuery } from '@tanstack/react-query'

import { type Schemas, read } from '../../api/client'
import { problemOf } from '../../api/problem'
import { Chart } from '../../shared/chart'
import { ErrorBox } from '../../shared/ErrorBox'
import { useZone } from '../../shared/prefs'
import { stateColor, stateWord } from '../../shared/Status'
import { fullTime, parseDuration, span } from '../../shared/Time'
import { Edges } from './Check'
import css from './Health.module.css'
import { msText } from './matrix'

export const ranges = [
  { value: '1h', label: '1 h', ms: 3_600_000 }, { value: '6h', label: '6 h', ms: 6 * 3_600_000 }, { value: '24h', label: '24 h', ms: 86_400_000 },
  { value: '7d', label: '7 d', ms: 7 * 86_400_000 }, { value: '30d', label: '30 d', ms: 30 * 86_400_000 }, { value: '90d', label: '90 d', ms: 90 * 86_400_000 - 300_000 }, // what is older is refused, by the node's clock
]

type History = Schemas['EndpointHistory']

/** The verdict and what vantages measured, over time. */
export function Timeline({ id, range }: { id: string; range: (typeof ranges)[number] }) {
  const history = useQuery({
    queryKey: ['/health/{endpoint}/history', id, range.value], retry: false, refetchInterval: range.ms > 86_400_000 ? 300_000 : 15_000, placeholderData: keepPreviousData,
    queryFn: ({ signal }) => read('/health/{endpoint}/history', { params: { path: { endpoint: id }, query: { from: new Date(Date.now() - range.ms).toISOString() } } }, signal),
  })
  const body = history.data?.body
  if (!body && history.error) {
    if (problemOf(history.error).status === 404) return <Text size="sm" c="dimmed">This node keeps no history of it.</Text>
    return <ErrorBox error={history.error} retry={() => void history.refetch()} />
  }
  if (!body) return <Skeleton height={220} />
  return (
    <Stack gap="lg">
      {body.checks.map((c) => <Of key={c.check} check={c} from={body.from} to={body.to} step={parseDuration(body.step)} many={body.checks.length > 1} />)}
      {body.missing.length > 0 && <Text size="xs" c="dimmed">Could not be asked: {body.missing.join(', ')}</Text>}
    </Stack>
  )
}

function Of({ check, from, to, step, many }: { check: History['checks'][number]; from: string; to: string; step: number; many: boolean }) {
  const [zone] = useZone()
  const begin = new Date(from).getTime(), end = new Date(to).getTime()
  const down = check.timeline.reduce((s, p) => s + p.down * step, 0)
  const known = check.timeline.filter((p) => p.status !== 'unknown').length * step
  const { times, lines } = series(check.vantages)
  return (
    <div>
      <Text size="xs" c="dimmed" mb={4}>{many && <><span className="mono">{check.monitor}</span>: </>}{known > 0 ? `up ${(100 * (1 - down / known)).toFixed(down > 0 && down < known ? 3 : 0)} % of the time that is known` : 'nothing is known yet'}, in steps of {span(step).replaceAll(' ', '\u00a0')}</Text>
      <div className={css.strip} role="img" aria-label={`Verdicts from ${from} to ${to}: ${check.changes.length} changes`}>
        {check.timeline.map((p) => {
          const at = (new Date(p.at).getTime() - begin) / (end - begin)
          return <i key={p.at} title={`${fullTime(new Date(p.at), zone)}: ${stateWord[p.status]}${p.down > 0 && p.down < 1 ? `, ${Math.round(p.down * 100)} % of the step` : ''}`} style={{ left: `min(${Math.max(at, 0) * 100}%, 100% - 2px)`, width: `${(step / (end - begin)) * 100}%`, background: stateColor[p.status] }} />
        })}
      </div>
      <div className={css.stripends}><span>{fullTime(new Date(begin), zone)}</span><span>{fullTime(new Date(end), zone)}</span></div>
      {times.length > 1 && lines.some((l) => l.latency.some((v) => v !== null)) && <Chart label={`Latency of ${check.monitor} by vantage`} times={times} height={170} format={msText}
        lines={lines.map((l, i) => ({ label: l.vantage, color: `var(--m-cat-${i % 10})`, values: l.latency }))} />}
      {times.length > 1 && lines.some((l) => l.loss.some((v) => v)) && <Chart label={`Loss of ${check.monitor} by vantage`} times={times} height={110} most={1} format={(v) => `${Math.round(v * 100)} %`}
        lines={lines.map((l, i) => ({ label: `${l.vantage} loss`, color: `var(--m-cat-${i % 10})`, values: l.loss, fill: true }))} />}
      {check.changes.length > 0 && <details className="reasons"><summary>{check.changes.length} change{check.changes.length === 1 ? '' : 's'} of the verdict, with ballots</summary><Edges list={check.changes} none="" /></details>}
    </div>
  )
}

/** Points of vantages on one axis of time, with gaps where a vantage has none. */
export function series(vantages: History['checks'][number]['vantages']): { times: number[]; lines: { vantage: string; latency: (number | null)[]; loss: (number | null)[] }[] } {
  const times = [...new Set(vantages.flatMap((v) => v.points.map((p) => new Date(p.at).getTime() / 1000)))].sort((a, b) => a - b)
  const at = new Map(times.map((t, i) => [t, i]))
  const lines = vantages.map((v) => {
    const latency: (number | null)[] = times.map(() => null)
    const loss: (number | null)[] = times.map(() => null)
    for (const p of v.points) {
      const i = at.get(new Date(p.at).getTime() / 1000)!
      latency[i] = p.latency ? parseDuration(p.latency) : null
      loss[i] = p.loss
    }
    return { vantage: v.vantage, latency, loss }
  })
  return { times, lines }
}
