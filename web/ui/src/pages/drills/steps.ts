import type { Schemas } from '../../api/client'

export type Step = Schemas['DrillStep']

/** What a step can be: exactly one of these fields of it. */
export const stepKinds = [
  { key: 'lowerTTL', label: 'Lower TTLs', fresh: { lowerTTL: [] }, about: 'Services that these concern hand out their least TTL; it takes as long as their longest.' },
  { key: 'drain', label: 'Drain', fresh: { drain: [] }, about: 'These leave all answers.' },
  { key: 'forceDown', label: 'Feign down', fresh: { forceDown: [] }, about: 'These count as down, as if their checks failed.' },
  { key: 'ignoreVantage', label: 'Ignore a vantage', fresh: { ignoreVantage: '' }, about: 'What this node sees of endpoints is ignored.' },
  { key: 'silenceNode', label: 'Silence a name server', fresh: { silenceNode: '' }, about: 'This node answers no DNS query.' },
  { key: 'window', label: 'TTL window', fresh: { window: true }, about: 'Waits until no well-behaved client has an older answer any more.' },
  { key: 'restore', label: 'Restore', fresh: { restore: 'all' }, about: 'Takes back what a step before does, or all of it.' },
  { key: 'webhook', label: 'Webhook', fresh: { webhook: { url: '' } }, about: 'A POST that has to be answered with a status of the 200s, within two minutes of tries.' },
  { key: 'approvals', label: 'Approval', fresh: { approvals: 1 }, about: 'Waits for so many others than who started it.' },
  { key: 'waitFor', label: 'Wait for', fresh: { waitFor: '' }, about: 'Waits until it is so: up:pool/NAME, or signal:NAME.' },
  { key: 'wait', label: 'Wait', fresh: { wait: '5m' }, about: 'Waits for so long, 1s to 24h.' },
  { key: 'parallel', label: 'At once', fresh: { parallel: [] }, about: 'Steps that are done at the same time.' },
] as const satisfies readonly { key: keyof Step; label: string; fresh: Partial<Step>; about: string }[]

export type StepKind = (typeof stepKinds)[number]['key']

export const kindOf = (s: Step): StepKind => stepKinds.find((k) => s[k.key] !== undefined)?.key ?? 'wait'

/** A step of another kind: what goes with every kind stays. */
export function turned(s: Step, kind: StepKind): Step {
  const { name, timeout, onFailure } = s
  return { name, ...stepKinds.find((k) => k.key === kind)!.fresh, ...(timeout ? { timeout } : {}), ...(onFailure ? { onFailure } : {}) }
}

/** A new step, with a name that no other has. */
export function another(kind: StepKind, all: readonly Step[]): Step {
  const taken = new Set(all.flatMap((s) => [s.name, ...(s.parallel ?? []).map((p) => p.name)]))
  const base = stepKinds.find((k) => k.key === kind)!.label.toLowerCase().replaceAll(' ', '-')
  let name: string = base
  for (let n = 2; taken.has(name); n++) name = `${base}-${n}`
  return turned({ name }, kind)
}

/** A list with one of it moved by one place, up or down. */
export function moved<T>(list: readonly T[], from: number, by: -1 | 1): T[] {
  const to = from + by
  if (to < 0 || to >= list.length) return [...list]
  const out = [...list]
  out.splice(to, 0, ...out.splice(from, 1))
  return out
}

/** What is wrong with a step, of all that is wrong with a plan in a document that holds it alone: by the path below it. */
export const wrongAt = (problems: readonly Schemas['Mistake'][] | undefined, at: string) =>
  (problems ?? []).filter((p) => p.pointer === at || p.pointer?.startsWith(at + '/')).map((p) => ({ field: p.pointer!.slice(at.length + 1).split('/')[0] ?? '', message: p.message }))
