import { useMemo } from 'react'

export const colors = 10 // that people tell apart

/** Colours for regions on a map; with more than there are colours they begin anew, and the names tell. Of many regions those that are used, the
    largest first, have colours of their own. */
export function useRegionColors(names: readonly string[], used: readonly string[] = names): (name: string) => string {
  const key = (names.length <= colors ? [...names].sort() : used.length <= colors ? [...used].sort() : used).join('\n')
  return useMemo(() => {
    const at = new Map(key.split('\n').map((n, i) => [n, i]))
    return (name: string) => {
      const i = at.get(name)
      return i === undefined ? 'var(--m-land)' : `var(--m-cat-${i % colors})`
    }
  }, [key])
}
