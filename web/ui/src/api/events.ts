import type { QueryClient } from '@tanstack/react-query'
import { useSyncExternalStore } from 'react'

import type { components } from './schema.gen'
import { stale } from './queries'

export type LiveEvent = components['schemas']['Event']

const config = ['/config', '/regions', '/providers', '/monitors', '/pools', '/templates', '/services', '/safety-rules', '/review-rules', '/drill-plans', '/places', '/notifications']
const seen = ['/health', '/pool-health', '/explain', '/answers', '/safety', '/windows', '/stats']

/** What an event of each type makes stale. */
export const touched: Record<string, readonly string[]> = {
  verdict: [...seen, '/reports'],
  signal: ['/signals', '/health', '/pool-health'],
  control: [...seen, '/controls', '/audit', '/revisions', '/residual'],
  window: ['/windows', '/controls', '/drills', '/residual'],
  config: [...config, ...seen, '/revisions', '/audit', '/drafts'],
  zone: ['/zones', '/revisions', '/audit', '/drafts'],
  member: ['/cluster'],
  leader: ['/cluster'],
  island: ['/cluster', ...seen],
  drill: ['/drills', '/reports', '/controls'],
  gap: [''],
}

export interface Live {
  state: 'connecting' | 'live' | 'lost'
  since: number // of the state
  events: LiveEvent[] // the newest first, at most 200
}

const silence = 40_000 // a stream says something every 15 s, so this long without a word is a dead one
const gather = 250 // so that a burst of events reads each path once
const patience = 60_000 // no answer takes longer: the node ends it

let live: Live = { state: 'connecting', since: Date.now(), events: [] }
const listeners = new Set<() => void>()

function set(next: Partial<Live>) {
  live = { ...live, ...next }
  listeners.forEach((f) => f())
}

/** What `of` takes of the one event stream: who uses it is drawn again when that is another one. */
export function useLive<T>(of: (live: Live) => T): T {
  return useSyncExternalStore(
    (f) => {
      listeners.add(f)
      return () => listeners.delete(f)
    },
    () => of(live),
  )
}

/** Splits what has come of a stream into whole messages and a rest. */
export function parse(text: string): { messages: { id?: string; event: string; data: string }[]; rest: string } {
  const blocks = text.split('\n\n')
  const rest = blocks.pop() ?? ''
  const messages = []
  for (const block of blocks) {
    const m: { id?: string; event: string; data: string } = { event: 'message', data: '' }
    for (const line of block.split('\n')) {
      const at = line.indexOf(':')
      if (at <= 0) continue
      const value = line.slice(at + 1).replace(/^ /, '')
      if (line.startsWith('id:')) m.id = value
      else if (line.startsWith('event:')) m.event = value
      else if (line.startsWith('data:')) m.data += value
    }
    if (m.data) messages.push(m)
  }
  return { messages, rest }
}

const idOf = (e: LiveEvent) => `${e.node} ${e.seq}`

/**
 * Gathers paths that events make stale, and has each read once for all that came meanwhile. A path whose last reading is not over
 * waits for it: to begin anew would cancel it, and of a flood nothing would ever be read. '' is every path.
 */
export function gatherer(readAgain: (path: string) => Promise<unknown>): { tell: (paths: readonly string[]) => void; stop: () => void } {
  const waiting = new Set<string>()
  const busy = new Set<string>()
  let timer: ReturnType<typeof setTimeout> | undefined
  const free = (path: string) => (path === '' ? busy.size === 0 : !busy.has('') && !busy.has(path))
  const wake = () => { if (waiting.size > 0) timer ??= setTimeout(turn, gather) }
  const turn = () => {
    timer = undefined
    for (const path of (waiting.has('') ? [''] : [...waiting]).filter(free)) {
      if (path === '') waiting.clear()
      waiting.delete(path)
      busy.add(path)
      let bound: ReturnType<typeof setTimeout> | undefined
      const over = new Promise((done) => { bound = setTimeout(done, patience) })
      void Promise.race([readAgain(path), over]).catch(() => undefined).finally(() => {
        clearTimeout(bound)
        busy.delete(path)
        wake()
      })
    }
  }
  return {
    tell: (paths) => { paths.forEach((p) => waiting.add(p)); wake() },
    stop: () => { clearTimeout(timer); waiting.clear() },
  }
}

/**
 * When the page was loaded by the node's clock, which dates its events too, less a margin: a stream begins with what the node
 * remembers, and what happened before makes nothing stale that was read since.
 */
export function loadedAt(res: Response, since = performance.now()): number {
  return Date.parse(res.headers.get('Date') ?? '') - since - 10_000 // a clock that nobody sets: were the browser's set back, news would be taken for old
}

/** Listens until stop is called. The browser's EventSource would hide heartbeats and the status of a refusal. */
export function listen(qc: QueryClient): () => void {
  const stop = new AbortController()
  let last: string | undefined
  const again = gatherer((path) => (path === '' ? qc.invalidateQueries() : stale(qc, [path])))
  const { tell } = again

  const once = async () => {
    const dead = new AbortController()
    let watch = setTimeout(() => dead.abort(), silence)
    try {
      const res = await fetch('/api/v1/events', {
        credentials: 'same-origin',
        headers: last ? { 'Last-Event-ID': last } : {},
        signal: AbortSignal.any([stop.signal, dead.signal]),
      })
      if (!res.ok || !res.body) return res.status
      if (live.state === 'lost') tell(['']) // what was missed may not be remembered
      const loaded = loadedAt(res)
      set({ state: 'live', since: Date.now() })
      const reader = res.body.pipeThrough(new TextDecoderStream()).getReader()
      let text = ''
      for (;;) {
        const { value, done } = await reader.read()
        if (done) return 200
        clearTimeout(watch)
        watch = setTimeout(() => dead.abort(), silence)
        const got = parse(text + value)
        text = got.rest
        if (got.messages.length === 0) continue
        const fresh = new Map<string, LiveEvent>()
        for (const m of got.messages) {
          last = m.id ?? last
          const ev = JSON.parse(m.data) as LiveEvent
          fresh.set(idOf(ev), ev)
          if (!(Date.parse(ev.at) < loaded)) tell(touched[m.event] ?? [''])
        }
        set({ events: [...[...fresh.values()].reverse(), ...live.events.filter((e) => !fresh.has(idOf(e)))].slice(0, 200) })
      }
    } finally {
      clearTimeout(watch)
    }
  }

  void (async () => {
    let pause = 500
    while (!stop.signal.aborted) {
      const began = Date.now()
      const status = await once().catch(() => 0)
      if (stop.signal.aborted) return
      if (live.state !== 'lost') set({ state: 'lost', since: Date.now() })
      if (status === 401) {
        void qc.invalidateQueries({ queryKey: ['/session'] })
        return
      }
      pause = Date.now() - began > 10_000 ? 500 : Math.min(pause * 2, 8_000)
      await new Promise((r) => setTimeout(r, pause))
    }
  })()
  return () => {
    stop.abort()
    again.stop()
    set({ state: 'connecting', since: Date.now() })
  }
}
