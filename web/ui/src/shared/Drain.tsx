import { type ButtonProps, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'

import { read, write } from '../api/client'
import { get, useWrite } from '../api/queries'
import { ConfirmAction } from './ConfirmAction'
import { because, shell } from './CopyAs'
import { later } from './later'

const Outlook = later(() => import('./DrainOutlook'))

const touches = ['/controls', '/health', '/pool-health', '/safety', '/windows', '/answers', '/explain'] as const

/** Takes a part of the world out of answers: shows whom it moves, and is disabled with the reason when a safety rule forbids it. */
export function DrainAction({ target, services, button }: { target: string; services: string[]; button?: ButtonProps }) {
  const [expires, setExpires] = useState('2h')
  const [opened, setOpened] = useState(false)
  const outlook = useQuery(get('/safety')).data?.body.targets.find((t) => t.target === target)
  const controls = useQuery(get('/controls')).data
  const rehearsal = useQuery({
    queryKey: ['/controls', 'rehearsal', target], enabled: opened, retry: false, staleTime: 5_000,
    queryFn: () => write('post', '/controls', { params: { query: { dryRun: true } }, body: { target, action: 'drain', reason: 'rehearsal' } }),
  })
  const make = useWrite((reason: string) => write('post', '/controls', { body: { target, action: 'drain', reason, ...(expires ? { expiresIn: expires } : {}) } } as never, { etag: controls?.etag }), touches)
  const there = controls?.body.items.find((c) => c.target === target && c.action === 'drain')
  const refused = there ? `${there.id} drains it already.` : outlook && !outlook.allowed ? outlook.problems.join('; ') : rehearsal.error ? rehearsal.error.message : undefined
  const warnings = (rehearsal.data?.body as { warnings?: string[] } | undefined)?.warnings ?? []
  return (
    <ConfirmAction label="Drain" title={`Drain ${target}?`} does={(why) => ({ curl: { method: 'POST', path: '/controls', body: { target, action: 'drain', reason: why, ...(expires ? { expiresIn: expires } : {}) } }, cli: `drain ${shell(target)}${expires ? ` --for ${expires}` : ''}${because(why)}` })} needs="operator" refused={refused} onOpen={() => setOpened(true)} button={button} run={(reason) => make.mutateAsync(reason)}>
      <Outlook {...{ services, target, warnings, expires, setExpires }} error={rehearsal.error} />
    </ConfirmAction>
  )
}

/** Lifts a control, as it is on the screen: if it has changed since, nothing happens. */
export function LiftAction({ id, what, button }: { id: string; what: string; button?: ButtonProps }) {
  const [etag, setEtag] = useState<string>()
  const lift = useWrite((reason: string) => write('delete', '/controls/{id}', { params: { path: { id } } } as never, { etag, reason }), touches)
  return (
    <ConfirmAction label="Lift" title={`Lift ${id}?`} does={(why) => ({ curl: { method: 'DELETE', path: `/controls/${id}`, reason: why }, cli: `lift ${shell(id)}${because(why)}` })} needs="operator" reason="optional" danger={false} button={button}
      onOpen={() => void read('/controls/{id}', { params: { path: { id } } }).then((c) => setEtag(c.etag), () => undefined)} run={(reason) => lift.mutateAsync(reason)}>
      <Stack gap="xs"><Text size="sm">{what} is answered again as its health says, at once.</Text></Stack>
    </ConfirmAction>
  )
}
