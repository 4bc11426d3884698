import { useLocalStorage } from '@mantine/hooks'

/** Whether times are told in UTC, or as the browser's own clock has them. */
export function useZone(): [zone: 'utc' | 'local', set: (z: 'utc' | 'local') => void] {
  const [zone, set] = useLocalStorage<'utc' | 'local'>({ key: 'meridian-zone', defaultValue: 'utc', getInitialValueInEffect: false })
  return [zone, set]
}
