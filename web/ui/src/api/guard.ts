import { useQuery } from '@tanstack/react-query'

import { get } from './queries'
import { useLive } from './events'

export const ranks = ['viewer', 'operator', 'editor', 'admin'] as const
export type Rank = (typeof ranks)[number]

export const sessionQuery = { ...get('/session'), retry: false, staleTime: 60_000 } as const

/** The session, and what it may. */
export function useSession() {
  return useQuery(sessionQuery)
}

export const clusterQuery = { ...get('/cluster'), refetchInterval: 4_000, retry: false } as const

/** The cluster as this node sees it, never older than a few seconds. */
export function useCluster() {
  return useQuery(clusterQuery)
}

/** What is wrong with what this page shows, if anything: then it is read only. */
export function useStale(): string | undefined {
  const lost = useLive((l) => l.state === 'lost')
  const cluster = useQuery({ ...clusterQuery, select: ({ body }) => !!body.leader }) // which is seldom another one, as its ages are
  if (cluster.isError) return 'This node does not answer. What you see is what it said last.'
  if (lost) return 'The live connection is lost. What you see may be old.'
  if (cluster.data === false) return 'The cluster has no leader: nothing can be changed until a majority of nodes is back. DNS is answered all the same.'
  return undefined
}

/** Why a write is not to be made now, for a button that is disabled with its reason; undefined: it may. */
export function useWhyNot(needs: Rank): string | undefined {
  const reason = useStale()
  const session = useSession()
  if (reason) return reason
  const role = session.data?.body.role
  if (!role) return 'You are not logged in.'
  if (ranks.indexOf(role as Rank) < ranks.indexOf(needs)) return `You have the role ${role}; this needs ${needs}.`
  return undefined
}
