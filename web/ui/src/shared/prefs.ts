import { useSyncExternalStore } from 'react'

export type Zone = 'utc' | 'local'

const key = 'meridian-zone'
const read = (): Zone => { try { return JSON.parse(localStorage.getItem(key) ?? '') === 'local' ? 'local' : 'utc' } catch { return 'utc' } }

let zone = read()
const listeners = new Set<() => void>()
const change = (to: Zone) => { zone = to; listeners.forEach((f) => f()) }
window.addEventListener('storage', (e) => { if (e.key === key) change(read()) }) // another window of this page

function set(to: Zone) {
  try { localStorage.setItem(key, JSON.stringify(to)) } catch { /* a browser that keeps nothing */ }
  change(to)
}

const subscribe = (f: () => void) => { listeners.add(f); return () => listeners.delete(f) }

/** Whether times are told in UTC, or as the browser's own clock has them. */
export function useZone(): [zone: Zone, set: (z: Zone) => void] {
  return [useSyncExternalStore(subscribe, () => zone), set]
}
