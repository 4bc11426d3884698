import { Text } from '@mantine/core'
import IconPlugOff from '@tabler/icons-react/dist/esm/icons/IconPlugConnectedX.mjs'

import { useLive } from '../api/events'
import { useStale } from '../api/guard'
import { Time } from '../shared/Time'

/** Says that what is shown may be old, and that nothing can be changed now. */
export function StaleBanner() {
  const why = useStale()
  const lost = useLive((l) => (l.state === 'lost' ? l.since : undefined))
  if (!why) return null
  return (
    <div className="stale" role="alert">
      <IconPlugOff size={18} />
      <Text size="sm"><b>Read only.</b> {why} {lost !== undefined && <>Since <Time at={lost} />; trying again.</>}</Text>
    </div>
  )
}
