import { Skeleton, Stack, Text } from '@mantine/core'
import { useState } from 'react'

import { useTick } from './Time'

const short = 2500 // milliseconds in which nobody wonders

/** What is asked for and is not there yet; after a while it says so in words, and for how long. */
export function Waiting({ lines = 1, height = 22 }: { lines?: number; height?: number }) {
  const [since] = useState(Date.now)
  const s = useTick((now) => (now - since < short ? 0 : Math.round((now - since) / 1000)))
  return (
    <Stack gap="xs" aria-busy="true" aria-label="Loading">
      {s > 0 && <Text size="sm" c="dimmed">The node is working on it, for {s} s so far.</Text>}
      {Array.from({ length: lines }, (_, i) => <Skeleton key={i} height={height} radius="sm" />)}
    </Stack>
  )
}
