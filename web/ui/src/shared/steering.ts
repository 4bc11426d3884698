import type { Schemas } from '../api/client'

type Branch = Schemas['Branch']

export const kinds = ['failover', 'weighted', 'nearest', 'latency', 'geo'] as const

/** What each kind does, in a few words. */
export const kindWord: Record<string, string> = {
  failover: 'the first that is available', weighted: 'all that are available, by weight', nearest: 'the nearest', latency: 'the fastest',
  geo: 'by where the client is', pool: 'endpoints by weight', template: 'a template',
}

/** A branch as the node names it in explanations, ready to be drawn. */
export interface SteerNode {
  path: string
  kind: string
  note: string // of the branch within its parent: its weight, bias, whom it is for
  weight?: number // as the parent shares by
  pool?: string
  template?: string
  children: SteerNode[]
  minAvailable?: number
  fence?: boolean
  at: (string | number)[] // the way to its branch in the service's own tree; empty within a template
}

const join = (path: string, s: string) => (path ? `${path}.${s}` : s)

function whom(m: Branch['match']): string {
  if (!m) return ''
  return [m.cidrs, m.asns?.map((a) => `AS${a}`), m.subdivisions, m.countries, m.continents].flatMap((l) => l ?? []).join(', ')
}

/** Reads a steering tree. Its paths are those that explanations use. */
export function readTree(tree: Branch, templates: Map<string, Branch>, path = '', note = '', at: (string | number)[] = [], depth = 0): SteerNode {
  if (tree.to) return readTree({ ...tree.to, ...(tree.match ? { match: tree.match } : {}) } as Branch, templates, path, note, [...at, 'to'], depth)
  const base = { note, children: [], minAvailable: tree.minAvailable, fence: tree.fence, at }
  if (tree.pool) return { ...base, path: join(path, `pool ${tree.pool}`), kind: 'pool', pool: tree.pool }
  if (tree.template) {
    const under = depth < 20 ? templates.get(tree.template) : undefined
    const inner = under && readTree(under, templates, join(path, `template ${tree.template}`), note, [], depth + 1)
    return inner ? { ...inner, template: tree.template } : { ...base, path: join(path, `template ${tree.template}`), kind: 'template', template: tree.template }
  }
  const kind = kinds.find((k) => Array.isArray(tree[k]))
  if (!kind) return { ...base, path, kind: '' }
  const own = join(path, kind)
  const branches = tree[kind] ?? []
  const total = branches.reduce((sum, b) => sum + (b.weight ?? 1), 0)
  const children = branches.map((b, i) => {
    const notes: string[] = []
    if (kind === 'failover') notes.push(`choice ${i + 1}`)
    if (kind === 'weighted') notes.push(`weight ${b.weight ?? 1}${total ? ` (${Math.round(((b.weight ?? 1) / total) * 100)} %)` : ''}`)
    if (b.bias) notes.push(`bias ${b.bias > 0 ? '+' : ''}${b.bias}`)
    const match = whom(b.match)
    if (match) notes.push(match)
    return { ...readTree(b, templates, `${own}[${i}]`, notes.join(' · '), [...at, kind, i], depth + 1), weight: b.weight ?? 1 }
  })
  if (kind === 'geo' && tree.default) children.push({ ...readTree(tree.default as Branch, templates, `${own}.default`, 'everybody else', [...at, 'default'], depth + 1), weight: 1 })
  return { ...base, path: own, kind, children }
}

/** A word or two for a tree: "nearest of 3". */
export function summary(tree: Branch): string {
  if (tree.to) return summary(tree.to as Branch)
  if (tree.pool) return `pool ${tree.pool}`
  if (tree.template) return `template ${tree.template}`
  const kind = kinds.find((k) => Array.isArray(tree[k]))
  return kind ? `${kind} of ${(tree[kind]?.length ?? 0) + (tree.default ? 1 : 0)}` : ''
}
