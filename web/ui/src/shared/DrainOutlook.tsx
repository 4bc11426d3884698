import { Alert, Group, List, Select, Stack, Text } from '@mantine/core'
import { useMediaQuery } from '@mantine/hooks'
import { useState } from 'react'

import { EffectOf } from './Effect'
import { ErrorBox } from './ErrorBox'
import { count } from './number'

const times = [['1h', 'in 1 hour'], ['2h', 'in 2 hours'], ['8h', 'in 8 hours'], ['24h', 'in a day'], ['', 'never']] as const

interface Props {
  target: string
  services: string[]
  warnings: string[]
  error: unknown
  expires: string
  setExpires: (to: string) => void
}

/** Whom a drain would move, what is remarkable about it, and when it lifts itself. */
export default function DrainOutlook({ target, services, warnings, error, expires, setExpires }: Props) {
  const narrow = useMediaQuery('(max-width: 48em)', false, { getInitialValueInEffect: false })
  const [unfolded, setUnfolded] = useState(false)
  const one = (s: string) => <EffectOf key={s} service={s} assume={[`drain:${target}`]} rows={services.length > 1 ? 2 : 6} />
  const first = narrow ? 1 : 3 // so that the reason and the button stay in sight
  const others = services.length > 3 && <Text size="sm" c="dimmed" style={{ overflowWrap: 'anywhere' }}>and {count(services.length - 3)} more services: {services.slice(3, 9).join(', ')}{services.length > 9 ? ' …' : ''}</Text>
  return (
    <>
      <Text size="sm">Its endpoints leave all answers at once. Clients that hold an answer come until its TTL is over{narrow ? '.' : '; the window says when the last is gone.'}</Text>
      {services.slice(0, first).map(one)}
      {narrow && services.length > 1 ? (
        <details className="reasons" onToggle={(e) => setUnfolded(e.currentTarget.open)}>
          <summary>{count(services.length - 1)} more service{services.length === 2 ? '' : 's'}</summary>
          {unfolded && <Stack gap="md" mt={6}>{services.slice(1, 3).map(one)}{others}</Stack>}
        </details>
      ) : others}
      {services.length === 0 && <Text size="sm" c="dimmed">No service answers from it.</Text>}
      {warnings.length > 0 && <Alert color="yellow" variant="light" title="To be noticed"><List size="sm">{warnings.map((w) => <List.Item key={w}>{w}</List.Item>)}</List></Alert>}
      <ErrorBox error={error} />
      <Group><Select label="It lifts itself" size="sm" data={times.map(([value, label]) => ({ value, label }))} value={expires} onChange={(v) => setExpires(v ?? '')} allowDeselect={false} /></Group>
    </>
  )
}
