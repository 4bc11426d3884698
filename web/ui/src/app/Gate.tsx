import { Center, Loader } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useNavigate, useRouter } from '@tanstack/react-router'
import { useEffect, useState } from 'react'

import { listen } from '../api/events'
import { useSession } from '../api/guard'
import { problemOf } from '../api/problem'
import { ErrorBox } from '../shared/ErrorBox'
import { Shell } from './Shell'

/** Lets in who is logged in, and listens to events while they are. */
export function Gate() {
  const session = useSession()
  if (session.error && problemOf(session.error).status === 401) return <ToLogin />
  if (session.data) return <Inside />
  if (session.error) return <Center mih="60vh" p="md"><ErrorBox error={session.error} retry={() => void session.refetch()} /></Center>
  return <Center mih="60vh"><Loader aria-label="Loading" /></Center>
}

/** Goes to the log-in, once: while that page is loaded this one is at its address already, and would go on from there without end. */
function ToLogin() {
  const navigate = useNavigate()
  const router = useRouter()
  const [here] = useState(() => router.state.location.href)
  useEffect(() => void navigate({ to: '/login', search: { next: here === '/' ? undefined : here }, replace: true }), [navigate, here])
  return null
}

function Inside() {
  const qc = useQueryClient()
  useEffect(() => listen(qc), [qc])
  return <Shell />
}
