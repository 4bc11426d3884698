import type { Schemas } from '../../api/client'
import { ranks } from '../../api/guard'
import type { State } from '../../shared/Status'

export type Draft = Schemas['Draft']
export type Edit = Schemas['Edit']
export type Canary = Schemas['Canary']

/** How a draft stands, in a word and a state. */
export function standingOf(d: Draft): { state: State; word: string } {
  if (d.state === 'published') return { state: 'up', word: 'published' }
  if (d.state === 'withdrawn') return { state: 'unknown', word: 'withdrawn' }
  if (d.canary?.state === 'running') return { state: 'degraded', word: 'canary' }
  const last = verdicts(d)
  if (last.some((r) => !r.approve)) return { state: 'down', word: 'rejected' }
  if (last.length > 0) return { state: 'up', word: `approved by ${last.length}` }
  return { state: 'drained', word: 'open' }
}

/** The last word of each who has reviewed. */
export function verdicts(d: Draft): Draft['reviews'] {
  return [...new Map(d.reviews.map((r) => [r.actor, r])).values()]
}

export interface Part { text: string; kind: 'same' | 'old' | 'new' }

/** What differs between two values, line by line when they are more than a word. */
export function lines(old: string | undefined, now: string | undefined): Part[] {
  const a = old === undefined ? [] : pretty(old), b = now === undefined ? [] : pretty(now)
  if (a.length * b.length > 250_000) return [...a.map((text): Part => ({ text, kind: 'old' })), ...b.map((text): Part => ({ text, kind: 'new' }))]
  // The longest common subsequence, as diff has it.
  const best = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1))
  for (let i = a.length - 1; i >= 0; i--) for (let j = b.length - 1; j >= 0; j--) best[i]![j] = a[i] === b[j] ? best[i + 1]![j + 1]! + 1 : Math.max(best[i + 1]![j]!, best[i]![j + 1]!)
  const out: Part[] = []
  let i = 0, j = 0
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) { out.push({ text: a[i]!, kind: 'same' }); i++; j++ }
    else if (j >= b.length || (i < a.length && best[i + 1]![j]! >= best[i]![j + 1]!)) out.push({ text: a[i++]!, kind: 'old' })
    else out.push({ text: b[j++]!, kind: 'new' })
  }
  return out
}

/** A value of JSON on as many lines as it wants. */
function pretty(json: string): string[] {
  try {
    const v: unknown = JSON.parse(json)
    const flat = JSON.stringify(v)
    return (flat.length <= 60 ? flat : JSON.stringify(v, null, 2)).split('\n')
  } catch {
    return json.split('\n')
  }
}

/** Edits by the object that they are of, in their order. */
export function byObject(edits: readonly Edit[]): [object: string, edits: Edit[]][] {
  const out = new Map<string, Edit[]>()
  for (const e of edits) {
    const l = out.get(e.object)
    if (l) l.push(e)
    else out.set(e.object, [e])
  }
  return [...out]
}

/** The lists of the configuration document, by the kind that a draft's change names. */
export const kinds = [
  ['service', 'services'], ['pool', 'pools'], ['region', 'regions'], ['provider', 'providers'], ['monitor', 'monitors'], ['template', 'templates'], ['safetyRule', 'safetyRules'],
  ['reviewRule', 'reviewRules'], ['drillPlan', 'drillPlans'], ['place', 'places'], ['notification', 'notifications'],
] as const

/** Whether a role is enough, to tell before a button is there. */
export const atLeast = (role: string | undefined, needs: (typeof ranks)[number]) => ranks.indexOf(role as (typeof ranks)[number]) >= ranks.indexOf(needs)
