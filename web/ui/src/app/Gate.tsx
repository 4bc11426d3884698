import { Center, Loader } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { Navigate, useLocation } from '@tanstack/react-router'
import { useEffect } from 'react'

import { listen } from '../api/events'
import { useSession } from '../api/guard'
import { problemOf } from '../api/problem'
import { ErrorBox } from '../shared/ErrorBox'
import { Shell } from './Shell'

/** Lets in who is logged in, and listens to events while they are. */
export function Gate() {
  const session = useSession()
  const here = useLocation({ select: (l) => l.href })
  if (session.error && problemOf(session.error).status === 401) return <Navigate to="/login" search={{ next: here === '/' ? undefined : here }} replace />
  if (session.data) return <Inside />
  if (session.error) return <Center mih="60vh" p="md"><ErrorBox error={session.error} retry={() => void session.refetch()} /></Center>
  return <Center mih="60vh"><Loader aria-label="Loading" /></Center>
}

function Inside() {
  const qc = useQueryClient()
  useEffect(() => listen(qc), [qc])
  return <Shell />
}
