import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'

import type { Schemas } from '../../api/client'
import { serviceName } from '../../api/names'
import { get } from '../../api/queries'
import { type EndpointHealth, type PoolHealth, type Standing, poolsOf, standing } from '../../api/standing'

export interface ServiceRow {
  service: Schemas['Service']
  name: string
  pools: string[]
  standing: Standing
}

/** How the endpoints of each pool stand, a group for each of their regions. */
export function usePoolHealth(): readonly PoolHealth[] | undefined {
  return useQuery(get('/pool-health')).data?.body.items
}

const most = 1000

/** The endpoints of some pools, the first thousand, with what vantages see of them. */
export function useEndpoints(pools: readonly string[]): { list: readonly EndpointHealth[]; byPool: Map<string, EndpointHealth[]> } {
  const items = useQuery({
    ...get('/health', { params: { query: { pool: pools.join(','), limit: most } } }), enabled: pools.length > 0, placeholderData: (old) => old,
  }).data?.body.items
  return useMemo(() => {
    const list = items ?? []
    return { list, byPool: Map.groupBy(list, (e) => e.pool) }
  }, [items])
}

/** Steering trees of templates by name. */
export function useTemplates(): Map<string, Schemas['Steering']> {
  const items = useQuery(get('/templates')).data?.body.items
  return useMemo(() => new Map(items?.map((t) => [t.name, t.steer])), [items])
}

/** Each service with how what it may answer with stands. */
export function useServices() {
  const services = useQuery(get('/services'))
  const groups = usePoolHealth()
  const templates = useTemplates()
  const rows = useMemo(() => {
    const byPool = Map.groupBy(groups ?? [], (g) => g.pool)
    return services.data?.body.items.map((service): ServiceRow => {
      const pools = [...poolsOf({ ...service.steer, lastResort: service.lastResort }, templates)]
      return { service, name: serviceName(service), pools, standing: standing(pools.flatMap((p) => byPool.get(p) ?? [])) }
    })
  }, [services.data, groups, templates])
  return { services, rows }
}

/** A TTL for people: 30 s, or its bounds. */
export function ttlText(ttl: Schemas['Service']['ttl']): string {
  const unit = (v: unknown) => (typeof v === 'number' ? `${v} s` : typeof v === 'string' ? v.replace(/(\d)s$/, '$1 s') : '')
  if (ttl && typeof ttl === 'object') return ttl.min ? `${unit(ttl.min)} to ${unit(ttl.max ?? 60)}` : unit(ttl.max)
  return unit(ttl ?? 60)
}
