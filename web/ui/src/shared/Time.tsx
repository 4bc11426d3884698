import { useSyncExternalStore } from 'react'

import { useZone } from './prefs'

let now = Date.now()
let timer: ReturnType<typeof setInterval> | undefined
const listeners = new Set<() => void>()

function subscribe(f: () => void) {
  if (listeners.size === 0) {
    now = Date.now()
    timer = setInterval(() => { now = Date.now(); listeners.forEach((f) => f()) }, 1000)
  }
  listeners.add(f)
  return () => {
    listeners.delete(f)
    if (listeners.size === 0) clearInterval(timer)
  }
}

/** What f makes of the time, by the page's one clock: who uses it is drawn again only when that is another text or number. */
export function useTick<T extends string | number | boolean | undefined>(f: (now: number) => T): T {
  return useSyncExternalStore(subscribe, () => f(now))
}

/** The time, each second. */
export const useNow = () => useTick((t) => t)

/** A moment in full: 2026-01-02 03:04:05 UTC. */
export function fullTime(at: Date, zone: 'utc' | 'local'): string {
  if (zone === 'utc') return at.toISOString().replace('T', ' ').replace(/\.\d+Z$/, ' UTC')
  const p = (n: number) => String(n).padStart(2, '0')
  return `${at.getFullYear()}-${p(at.getMonth() + 1)}-${p(at.getDate())} ${p(at.getHours())}:${p(at.getMinutes())}:${p(at.getSeconds())}`
}

/** A length of time by its largest two units at the most: 4 s, 12 min, 3 h 5 min, 2 d. */
export function span(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000))
  if (s < 60) return `${s} s`
  const m = Math.floor(s / 60)
  if (m < 60) return m < 3 && s % 60 ? `${m} min ${s % 60} s` : `${m} min`
  const h = Math.floor(m / 60)
  if (h < 24) return m % 60 && h < 6 ? `${h} h ${m % 60} min` : `${h} h`
  return h < 240 && h % 24 ? `${Math.floor(h / 24)} d ${h % 24} h` : `${Math.floor(h / 24)} d`
}

/** Milliseconds of a duration as the API writes it: 1h2m3.5s, 40ms, 0s. */
export function parseDuration(text: string | number | undefined): number {
  if (typeof text === 'number') return text * 1000
  let ms = 0
  const unit: Record<string, number> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1, µs: 1e-3, us: 1e-3, ns: 1e-6 }
  for (const [, n, u] of (text ?? '').matchAll(/([\d.]+)(h|ms|µs|us|ns|m|s)/g)) ms += Number(n) * unit[u!]!
  return ms
}

/** How old something is that the API says the age of. */
export function age(text: string | number | undefined): string {
  const ms = parseDuration(text)
  return ms < 1000 ? 'under 1 s' : span(ms)
}

/** A duration as a person writes it: the API says 1m0s and 2h0m0s for 1m and 2h. */
export const brief = (text: string | undefined) => text?.replace(/(\d[hm])0s$/, '$1').replace(/(\dh)0m$/, '$1')

/** Text of the API with the lengths of time in it as people say them: "closes in 1m5s". */
export const spoken = (text: string) => text.replace(/(?<![\w.-])(?=\d)(?:\d+h)?(?:\d+m)?(?:\d+(?:\.\d+)?(?:ms|s))?(?![\w-])/g, (d) => (/[hms]$/.test(d) ? (/ms$/.test(d) ? `${Math.round(parseDuration(d))} ms` : span(parseDuration(d))).replaceAll(' ', '\u00a0') : d))

/** How long ago a moment was, or until it is. */
export function ago(at: number, now: number): string {
  const ms = now - at
  return ms >= -1000 ? (ms < 1500 ? 'just now' : `${span(ms)} ago`) : `in ${span(-ms)}`
}

/** A moment: how long ago (or until) by default, and in full on hover; or the other way about. */
export function Time({ at, full }: { at?: string | number | Date; full?: boolean }) {
  const [zone] = useZone()
  const d = at === undefined || at === '' ? undefined : new Date(at)
  const relative = useTick((now) => (d ? ago(d.getTime(), now) : ''))
  if (!d) return <span>never</span>
  const whole = fullTime(d, zone)
  return <time dateTime={d.toISOString()} title={full ? relative : whole} className="num">{full ? whole : relative}</time>
}
