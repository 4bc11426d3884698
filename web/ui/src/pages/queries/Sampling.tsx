import { Button, Group, Select, Text } from '@mantine/core'
import { useState } from 'react'

import { write } from '../../api/client'
import { useWhyNot } from '../../api/guard'
import { useWrite } from '../../api/queries'
import { Guarded } from '../../shared/Guarded'
import { ErrorBox } from '../../shared/ErrorBox'
import type { Sample } from './tail'

const rates = ['1/1', '1/10', '1/100', '1/1000', '1/10000'].map((value) => ({ value, label: value === '1/1' ? 'every query' : `1 of ${Number(value.slice(2)).toLocaleString('en')}` }))
const times = [['1m', '1 minute'], ['10m', '10 minutes'], ['30m', '30 minutes'], ['1h', '1 hour']].map(([value, label]) => ({ value: value!, label: label! }))

/** Turns sampling on, with how much of what comes and for how long; or off. */
export function Sampling({ sample }: { sample: Sample }) {
  const why = useWhyNot('admin')
  const [rate, setRate] = useState('1/100')
  const [time, setTime] = useState('10m')
  const put = useWrite((body: { sample: string; for?: string }) => write('put', '/queries', { body }), ['/queries'])
  const on = sample.every > 0
  const say = (body: { sample: string; for?: string }) => { if (!why) put.mutate(body) }
  const missing = put.data?.body.missing ?? []
  const button = { size: 'compact-sm' as const, 'data-disabled': why ? true : undefined, 'aria-disabled': !!why, loading: put.isPending }
  return (
    <>
      {on ? <Guarded why={why}><Button {...button} variant="default" onClick={() => say({ sample: 'off' })}>Stop and forget</Button></Guarded> : (
        <Group gap="sm" align="flex-end" wrap="wrap">
          <Select size="xs" label="Sample" data={rates} value={rate} onChange={(v) => setRate(v ?? rate)} allowDeselect={false} w={140} />
          <Select size="xs" label="For" data={times} value={time} onChange={(v) => setTime(v ?? time)} allowDeselect={false} w={124} />
          <Guarded why={why}><Button {...button} size="xs" onClick={() => say({ sample: rate, for: time })}>Start sampling</Button></Guarded>
        </Group>
      )}
      {missing.length > 0 && <Text size="sm" c="var(--m-down-text)" role="status">It is as it was on {missing.join(', ')}, which could not be asked.</Text>}
      <ErrorBox error={put.error} />
    </>
  )
}
