import type { Schemas } from '../../api/client'

export type Sample = Schemas['QuerySample']
export type Sampled = Schemas['SampledQuery']
export interface Row { id: string; of: Sampled }

/** Rows of the tail, the newest first. Queries have no id: what is alike is counted from the oldest on, so that a row keeps its id as others come. */
export function rowsOf(items: readonly Sampled[]): Row[] {
  const seen = new Map<string, number>()
  return [...items].reverse().map((of) => {
    const key = `${of.at} ${of.node} ${of.name} ${of.type} ${of.client}`
    const n = seen.get(key) ?? 0
    seen.set(key, n + 1)
    return { id: `${key} ${n}`, of }
  }).reverse()
}

/** How much there is of each, of all that was sampled: a count may be too high by `over`. */
export function tallies(list: readonly Schemas['Tally'][], sampled: number): { key: string; count: number; over: number; share: number }[] {
  return list.map((t) => ({ key: t.key, count: t.count, over: t.over ?? 0, share: sampled > 0 ? Math.min(t.count / sampled, 1) : 0 }))
}

/** What /explain is asked to say why a query was answered so: nothing of what cannot be asked. */
export function questionOf(q: Sampled): { name: string; type?: string; client: string } {
  return { name: q.name, type: q.type === 'A' ? undefined : q.type, client: q.client }
}
