import type { Schemas } from './client'

/** What a service goes by: the first of its names. */
export function serviceName(s: Schemas['Service']): string {
  return s.name ?? s.names?.[0] ?? ''
}

/** An object's id without its kind: us-east of region/us-east, web-eu/a of endpoint/web-eu/a. */
export function bare(id: string): string {
  return id.slice(id.indexOf('/') + 1)
}
