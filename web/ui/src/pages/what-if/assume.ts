import type { Schemas } from '../../api/client'
import { serviceName } from '../../api/names'

export const verbs = ['down', 'up', 'drain', 'share', 'force-up', 'force-down'] as const
export type Verb = (typeof verbs)[number]

export const verbText: Record<Verb, string> = {
  down: 'is down', up: 'is up', drain: 'is drained', share: 'keeps a share', 'force-up': 'is forced up', 'force-down': 'is forced down',
}

/** An assumption as /explain takes it, in parts. */
export interface Assumption { verb: string; target: string; percent?: number }

export function readAssumption(text: string): Assumption {
  const at = text.indexOf(':')
  const verb = text.slice(0, Math.max(at, 0))
  const rest = text.slice(at + 1)
  const share = verb === 'share' ? /^(.*)=(\d+)$/.exec(rest) : null
  return share ? { verb, target: share[1]!, percent: Number(share[2]) } : { verb, target: rest }
}

export function writeAssumption({ verb, target, percent }: Assumption): string {
  return `${verb}:${target}${verb === 'share' ? `=${percent ?? 50}` : ''}`
}

/** The same for people. */
export function assumptionText(text: string): string {
  const { verb, target, percent } = readAssumption(text)
  return verb === 'share' ? `${target} keeps ${percent} %` : `${target} ${verbText[verb as Verb] ?? verb}`
}

/** What can be assumed of: what of the world can fail or be drained. */
export function targets(regions: Schemas['Region'][], providers: { name: string }[], pools: Schemas['Pool'][]): { group: string; items: string[] }[] {
  return [
    { group: 'Regions', items: regions.map((r) => `region/${r.name}`) },
    { group: 'Providers', items: providers.map((p) => `provider/${p.name}`) },
    { group: 'Pools', items: pools.map((p) => `pool/${p.name}`) },
    { group: 'Endpoints', items: pools.flatMap((p) => p.endpoints.map((e) => `endpoint/${p.name}/${e.name}`)) },
  ].filter((g) => g.items.length > 0)
}

/** The service that steers a name, if one does: by the name itself, or the nearest wildcard above it. */
export function serviceOf(name: string, services: readonly Schemas['Service'][]): Schemas['Service'] | undefined {
  const clean = (n: string) => n.toLowerCase().replace(/\.$/, '')
  const by = new Map(services.flatMap((s) => [serviceName(s), ...(s.names ?? [])].map((n) => [clean(n), s] as const)))
  const exact = by.get(clean(name))
  if (exact) return exact
  const labels = clean(name).split('.')
  for (let i = 1; i < labels.length; i++) {
    const wild = by.get(['*', ...labels.slice(i)].join('.'))
    if (wild) return wild
  }
  return undefined
}
