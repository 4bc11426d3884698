import type { QueryClient } from '@tanstack/react-query'
import { useSyncExternalStore } from 'react'

import type { components } from './schema.gen'
import { stale } from './queries'

export type LiveEvent = components['schemas']['Event']

const config = ['/config', '/regions', '/providers', '/monitors', '/pools', '/templates', '/services', '/safety-rules', '/review-rules', '/drill-plans', '/places', '/notifications']
const seen = ['/health', '/explain', '/answers', '/safety', '/windows', '/stats']

/** What an event of each type makes stale. */
export const touched: Record<string, readonly string[]> = {
  verdict: [...seen, '/reports'],
  signal: ['/signals', '/health'],
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

let live: Live = { state: 'connecting', since: Date.now(), events: [] }
const listeners = new Set<() => void>()

function set(next: Partial<Live>) {
  live = { ...live, ...next }
  listeners.forEach((f) => f())
}

/** The one event stream's state, and what it has told. */
export function useLive(): Live {
  return useSyncExternalStore(
    (f) => {
      listeners.add(f)
      return () => listeners.delete(f)
    },
    () => live,
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

/** Listens until stop is called. The browser's EventSource would hide heartbeats and the status of a refusal. */
export function listen(qc: QueryClient): () => void {
  const stop = new AbortController()
  let last: string | undefined
  let waiting = new Set<string>()
  let timer: ReturnType<typeof setTimeout> | undefined

  const tell = (paths: readonly string[]) => {
    paths.forEach((p) => waiting.add(p))
    timer ??= setTimeout(() => {
      const due = [...waiting]
      waiting = new Set()
      timer = undefined
      void (due.includes('') ? qc.invalidateQueries() : stale(qc, due))
    }, gather)
  }

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
        for (const m of got.messages) {
          last = m.id ?? last
          const ev = JSON.parse(m.data) as LiveEvent
          set({ events: [ev, ...live.events.filter((e) => e.seq !== ev.seq || e.node !== ev.node)].slice(0, 200) })
          tell(touched[m.event] ?? [''])
        }
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
    clearTimeout(timer)
    set({ state: 'connecting', since: Date.now() })
  }
}
