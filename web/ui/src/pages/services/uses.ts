import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'

import type { Schemas } from '../../api/client'
import { serviceName } from '../../api/names'
import { get } from '../../api/queries'
import { type EndpointHealth, type Standing, poolsOf, standing } from '../../api/standing'

export interface ServiceRow {
  service: Schemas['Service']
  name: string
  pools: string[]
  standing: Standing
  regions: string[]
}

/** The endpoints of each pool. */
export function useByPool(): Map<string, EndpointHealth[]> {
  const items = useQuery(get('/health')).data?.body.items
  return useMemo(() => {
    const pools = new Map<string, EndpointHealth[]>()
    for (const e of items ?? []) pools.set(e.pool, [...(pools.get(e.pool) ?? []), e])
    return pools
  }, [items])
}

/** Steering trees of templates by name. */
export function useTemplates(): Map<string, Schemas['Steering']> {
  const items = useQuery(get('/templates')).data?.body.items
  return useMemo(() => new Map(items?.map((t) => [t.name, t.steer])), [items])
}

/** Each service with the endpoints that it may answer with. */
export function useServices() {
  const services = useQuery(get('/services'))
  const byPool = useByPool()
  const templates = useTemplates()
  const rows = useMemo(() => services.data?.body.items.map((service): ServiceRow => {
    const pools = [...poolsOf({ ...service.steer, lastResort: service.lastResort }, templates)]
    const s = standing(pools.flatMap((p) => byPool.get(p) ?? []))
    return { service, name: serviceName(service), pools, standing: s, regions: [...new Set(s.endpoints.map((e) => e.region).filter(Boolean))].sort() }
  }), [services.data, byPool, templates])
  return { services, rows }
}

/** A TTL for people: 30 s, or its bounds. */
export function ttlText(ttl: Schemas['Service']['ttl']): string {
  const unit = (v: unknown) => (typeof v === 'number' ? `${v} s` : typeof v === 'string' ? v.replace(/(\d)s$/, '$1 s') : '')
  if (ttl && typeof ttl === 'object') return ttl.min ? `${unit(ttl.min)} to ${unit(ttl.max ?? 60)}` : unit(ttl.max)
  return unit(ttl ?? 60)
}
