import type { Schemas } from '../../api/client'
import type { State } from '../../shared/Status'
import { brief, parseDuration, span } from '../../shared/Time'

export type Drill = Schemas['Drill']
export type Plan = Schemas['DrillPlan']
export type Report = Schemas['Report']
export type StepRun = Schemas['DrillStepRun']

/** Phases in words, with the state that stands for them. */
export const phases: Record<string, { word: string; state: State }> = {
  'waiting-approval': { word: 'waits for approval', state: 'degraded' },
  preflight: { word: 'preflight', state: 'drained' },
  lowering: { word: 'lowering TTLs', state: 'drained' },
  draining: { word: 'draining', state: 'drained' },
  window: { word: 'TTL window', state: 'drained' },
  holding: { word: 'holding', state: 'drained' },
  running: { word: 'running', state: 'drained' },
  restoring: { word: 'restoring', state: 'drained' },
  recovering: { word: 'recovering', state: 'drained' },
  done: { word: 'done', state: 'up' },
  aborted: { word: 'aborted', state: 'degraded' },
  failed: { word: 'failed', state: 'down' },
  skipped: { word: 'skipped', state: 'unknown' },
  expired: { word: 'expired', state: 'down' },
  recovered: { word: 'recovered', state: 'up' },
  ended: { word: 'not recovered', state: 'down' },
}

export const phaseOf = (phase: string) => phases[phase] ?? { word: phase, state: 'unknown' as State }

const kinds: Record<StepRun['kind'], string> = {
  approval: 'approval', preflight: 'preflight', 'lower-ttl': 'lower TTLs', drain: 'drain', 'force-down': 'feign down', 'ignore-vantage': 'ignore vantage',
  'silence-node': 'silence node', window: 'TTL window', restore: 'restore', webhook: 'webhook', 'wait-for': 'wait for', wait: 'wait',
}
export const kindWord = (k: string) => kinds[k as StepRun['kind']] ?? k

/** What a step does it with; its time for people. */
export const stepText = (s: StepRun) => (s.kind === 'wait' && s.text && parseDuration(s.text) > 0 ? span(parseDuration(s.text)) : s.text)

const lengths = new Set(['wait', 'timeout', 'over', 'every', 'hold', 'rto', 'expires', 'returnOver', 'jitter'])

/** A plan to edit, with its lengths of time as a person writes them. */
export const asWritten = (p: Plan): Plan => JSON.parse(JSON.stringify(p), (key, v) => (lengths.has(key) && typeof v === 'string' ? brief(v) : v) as unknown) as Plan

/** What a plan does, on one line. */
export function planText(p: Plan): string {
  const some = (l: readonly string[]) => (l.length > 3 ? `${l.slice(0, 3).join(', ')} and ${l.length - 3} more` : l.join(', '))
  if (p.evacuate?.length) return `Evacuate ${some(p.evacuate)}`
  if (p.simulate?.down?.length) return `Feign ${some(p.simulate.down)} down`
  if (p.simulate?.vantage) return `Ignore what ${p.simulate.vantage} sees`
  if (p.simulate?.nameserver) return `Silence the DNS of ${p.simulate.nameserver}`
  return `Runbook of ${p.steps?.length ?? 0} steps`
}

/** What a plan would have clients see, as /answers and /explain assume it. */
export function assumptions(p: Plan): string[] {
  const steps = (p.steps ?? []).flatMap((s) => [s, ...(s.parallel ?? [])])
  return [...new Set([
    ...(p.evacuate ?? []).map((t) => `drain:${t}`), ...(p.simulate?.down ?? []).map((t) => `down:${t}`),
    ...steps.flatMap((s) => [...(s.drain ?? []).map((t) => `drain:${t}`), ...(s.forceDown ?? []).map((t) => `force-down:${t}`)]),
  ])]
}

const days = ['Sundays', 'Mondays', 'Tuesdays', 'Wednesdays', 'Thursdays', 'Fridays', 'Saturdays', 'Sundays']

/** A cron line for people where it is a simple one, and as it is otherwise. */
export function scheduleText(cron: string): string {
  const [min, hour, dom, month, dow, ...rest] = cron.trim().split(/\s+/)
  const at = /^\d+$/.test(min ?? '') && /^\d+$/.test(hour ?? '') ? `${hour!.padStart(2, '0')}:${min!.padStart(2, '0')} UTC` : undefined
  if (!at || rest.length > 0 || month !== '*') return `cron ${cron} UTC`
  if (dom === '*' && dow === '*') return `every day at ${at}`
  if (dom === '*' && /^[0-7](,[0-7])*$/.test(dow ?? '')) return `${dow!.split(',').map((d) => days[Number(d)]).join(', ')} at ${at}`
  if (dow === '*' && /^\d+$/.test(dom ?? '')) return `day ${dom} of each month at ${at}`
  return `cron ${cron} UTC`
}

/** Where a run is: the steps that are done now, and how far the one that ends last is. */
export function progress(steps: readonly StepRun[], now: number): { running: StepRun[]; until?: number; from?: number; share?: number } {
  const running = steps.filter((s) => s.state === 'running')
  const last = running.filter((s) => s.until && s.startedAt).sort((a, b) => b.until!.localeCompare(a.until!))[0]
  if (!last) return { running }
  const from = new Date(last.startedAt!).getTime(), until = new Date(last.until!).getTime()
  return { running, from, until, share: until > from ? Math.min(Math.max((now - from) / (until - from), 0), 1) : 1 }
}

/** Time left for people: 1:05 or 2:03:04; under zero it is 0:00. */
export function clock(ms: number): string {
  const s = Math.max(0, Math.ceil(ms / 1000))
  const two = (n: number) => String(n).padStart(2, '0')
  return s >= 3600 ? `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}` : `${Math.floor(s / 60)}:${two(s % 60)}`
}

/** The groups of steps in the order of their phases: each phase once in a row, and how it stands. */
export function track(steps: readonly StepRun[]): { phase: string; state: 'waiting' | 'running' | 'done' | 'failed' | 'skipped' | 'would' }[] {
  const out: { phase: string; steps: StepRun[] }[] = []
  for (const s of steps) {
    const last = out.at(-1)
    if (last?.phase === s.phase) last.steps.push(s)
    else out.push({ phase: s.phase, steps: [s] })
  }
  const has = (l: StepRun[], state: StepRun['state']) => l.some((s) => s.state === state)
  return out.map(({ phase, steps: l }) => ({
    phase,
    state: has(l, 'failed') ? 'failed' : has(l, 'running') ? 'running' : l.every((s) => s.state === 'done') ? 'done' : has(l, 'would') ? 'would' : l.every((s) => s.state === 'skipped') ? 'skipped' : has(l, 'done') ? 'done' : 'waiting',
  }))
}

/** Recovery times of one plan's reports, the oldest first. Practice and what did not come to a close has none. */
export function trend(reports: readonly Report[], plan: string): Report[] {
  return reports.filter((r) => r.plan === plan && r.achieved !== undefined).sort((a, b) => began(a) - began(b))
}

export function began(r: Report): number {
  return new Date(r.at.decided ?? r.at.ended ?? 0).getTime()
}

/** How what was achieved compares with another time: "4 s faster". */
export function compared(now: string | undefined, before: string | undefined): string | undefined {
  if (!now || !before) return undefined
  const d = parseDuration(now) - parseDuration(before)
  return Math.abs(d) < 500 ? 'as long as the time before' : `${span(Math.abs(d))} ${d < 0 ? 'faster' : 'slower'} than the time before`
}

/** Percent that are kept after each step, as a person writes them. */
export function readSteps(text: string): number[] {
  return text.split(/[\s,;%]+/).filter(Boolean).map(Number).filter((n) => Number.isFinite(n))
}

/** How clients leave and come back, where it is not at once. */
export function rampText(p: Pick<Plan, 'ramp' | 'returnOver'>): string | undefined {
  const r = p.ramp
  const time = (d?: string | number) => (d ? span(parseDuration(d)) : 'no time')
  const out = r && (r.steps ? `they leave by steps to ${r.steps.join(', ')} %, one every ${time(r.every)}` : `they leave in ten steps over ${time(r.over)}`)
  const parts = [out, p.returnOver && `they come back over ${time(p.returnOver)}`].filter(Boolean)
  return parts.length > 0 ? parts.join('; ') : undefined
}

/** How long a failure went without a verdict. */
export function failoverText(at: Report['at']): string | undefined {
  if (!at.first || !at.decided) return undefined
  return `${span(new Date(at.decided).getTime() - new Date(at.first).getTime())} from the first failing probe to the verdict`
}

/** A length of time of a report: milliseconds count here. */
export const exact = (ms: number) => (ms < 10_000 ? `${(ms / 1000).toFixed(ms < 1000 ? 3 : 1)} s` : span(ms))

/** How long after (or before) a moment another was: +3.2 s. */
export function after(from: number, t: string): string {
  const ms = new Date(t).getTime() - from
  return `${ms < 0 ? '−' : '+'}${exact(Math.abs(ms))}`
}
