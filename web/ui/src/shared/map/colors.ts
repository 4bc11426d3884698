import { useMemo } from 'react'

/** Colours for regions on a map, from ten that people tell apart; with more regions they begin anew, and the names tell. */
export function useRegionColors(names: readonly string[]): (name: string) => string {
  const key = [...names].sort().join('\n')
  return useMemo(() => {
    const at = new Map(key.split('\n').map((n, i) => [n, i]))
    return (name: string) => {
      const i = at.get(name)
      return i === undefined ? 'var(--m-land)' : `var(--m-cat-${i % 10})`
    }
  }, [key])
}
