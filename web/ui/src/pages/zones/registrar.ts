import type { Schemas } from '../../api/client'

export type Delegation = Schemas['Delegation']

/** Whether a name lies in a zone, so that a parent has to give its addresses with it (glue). */
export function inside(name: string, zone: string): boolean {
  const n = name.replace(/\.$/, '').toLowerCase(), z = zone.replace(/\.$/, '').toLowerCase()
  return n === z || n.endsWith(`.${z}`)
}

/** What is to be written at the registrar: each nameserver, with its addresses where the parent needs them. */
export function registrarText(zone: string, wanted: readonly string[], addresses: Map<string, readonly string[]>): string {
  return wanted.map((ns) => [ns, ...(inside(ns, zone) ? addresses.get(ns) ?? [] : [])].join('  ')).join('\n')
}

/** The same as a parent's zone has it, for who runs the parent. */
export function parentText(zone: string, wanted: readonly string[], addresses: Map<string, readonly string[]>): string {
  const dot = (n: string) => (n.endsWith('.') ? n : `${n}.`)
  const glue = wanted.filter((ns) => inside(ns, zone)).flatMap((ns) => (addresses.get(ns) ?? []).map((a) => `${dot(ns)} 3600 IN ${a.includes(':') ? 'AAAA' : 'A'} ${a}`))
  return [...wanted.map((ns) => `${dot(zone)} 3600 IN NS ${dot(ns)}`), ...glue].join('\n')
}

/** Nameservers of the zone for which the parent needs addresses, and the zone has none. */
export function withoutAddress(zone: string, wanted: readonly string[], addresses: Map<string, readonly string[]>): string[] {
  return wanted.filter((ns) => inside(ns, zone) && !addresses.get(ns)?.length)
}
