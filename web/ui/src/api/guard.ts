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

/** The cluster as this node sees it, never older than a few seconds. */
export function useCluster() {
  return useQuery({ ...get('/cluster'), refetchInterval: 4_000, retry: false })
}

/** What is wrong with what this page shows, if anything: then it is read only. */
export function useStale(): string | undefined {
  const live = useLive()
  const cluster = useCluster()
  if (cluster.isError) return 'This node does not answer. What you see is what it said last.'
  if (live.state === 'lost') return 'The live connection is lost. What you see may be old.'
  const c = cluster.data?.body
  if (c && !c.leader) return 'The cluster has no leader: nothing can be changed until a majority of nodes is back. DNS is answered all the same.'
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
