import { type QueryClient, queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'
import type { PathsWithMethod } from 'openapi-typescript-helpers'

import { type Init, read } from './client'
import type { paths } from './schema.gen'

type Readable = PathsWithMethod<paths, 'get'>

/**
 * The query of a path: `useQuery(get('/services/{name}', {params: {path: {name}}}))`. Its key is the path as the
 * contract has it, then its parameters, so that an event can make all of a path stale (see events.ts).
 */
export function get<P extends Readable>(path: P, init?: Init<P, 'get'>) {
  return queryOptions({
    queryKey: [path as string, (init as { params?: unknown } | undefined)?.params ?? {}] as const,
    queryFn: ({ signal }) => read(path, init, signal),
  })
}

/** Marks every query of these paths stale; those on the screen are read again. */
export function stale(qc: QueryClient, list: readonly string[]) {
  return qc.invalidateQueries({ predicate: (q) => list.some((p) => q.queryKey[0] === p || String(q.queryKey[0]).startsWith(p + '/')) })
}

/** A mutation after which the queries of the named paths are read again, whether it went well or was refused as stale. */
export function useWrite<V, R>(make: (v: V) => Promise<R>, touches: readonly string[]) {
  const qc = useQueryClient()
  return useMutation({ mutationFn: make, retry: false, onSettled: () => void stale(qc, touches) })
}
