import { describe, expect, it } from 'vitest'

import { parse } from '../api/events'
import { type Column, matching } from './DataTable'
import { stateOf } from './Status'
import { fullTime, parseDuration, span } from './Time'
import { curl } from './CopyAs'

describe('the event stream', () => {
  it('keeps a message that has come in part', () => {
    const first = parse(': nothing new\n\nid: a:1\nevent: verdict\ndata: {"x":1}\n\nid: a:2\nev')
    expect(first.messages).toEqual([{ id: 'a:1', event: 'verdict', data: '{"x":1}' }])
    expect(parse(first.rest + 'ent: zone\ndata: {}\n\n').messages).toEqual([{ id: 'a:2', event: 'zone', data: '{}' }])
  })
})

describe('times', () => {
  it('reads durations as Go writes them', () => {
    expect(parseDuration('1h2m3.5s')).toBe(3_723_500)
    expect(parseDuration('40ms')).toBe(40)
    expect(parseDuration(5)).toBe(5000)
    expect(parseDuration('250µs')).toBeCloseTo(0.25)
  })
  it('tells a length by two units at the most', () => {
    expect([4000, 65_000, 700_000, 3 * 3_600_000 + 300_000, 50 * 3_600_000].map(span)).toEqual(['4 s', '1 min 5 s', '11 min', '3 h 5 min', '2 d 2 h'])
  })
  it('tells a moment in UTC whatever the browser has', () => expect(fullTime(new Date('2026-01-02T03:04:05.6Z'), 'utc')).toBe('2026-01-02 03:04:05 UTC'))
})

describe('states', () => {
  it('is degraded when a part is down, and down only when no part is up', () => {
    expect(stateOf(['up', 'down'])).toBe('degraded')
    expect(stateOf(['down', 'down'])).toBe('down')
    expect(stateOf(['up', 'drained'])).toBe('up')
    expect(stateOf(['drained', 'down'])).toBe('down')
    expect(stateOf(['up', 'unknown'])).toBe('degraded')
    expect(stateOf([])).toBe('unknown')
  })
})

describe('a filter', () => {
  const columns: Column<{ a: string; b: string }>[] = [{ key: 'a', title: 'A', cell: (r) => r.a, text: (r) => r.a }, { key: 'b', title: 'B', cell: (r) => r.b, text: (r) => r.b }]
  it('wants every word, in whatever column', () => {
    const rows = [{ a: 'web', b: 'Frankfurt' }, { a: 'web', b: 'Lagos' }]
    expect(matching(rows, columns, ' WEB lag ')).toEqual([rows[1]])
    expect(matching(rows, columns, '')).toBe(rows)
  })
})

describe('copy as curl', () => {
  it('quotes what a shell would read otherwise', () => {
    expect(curl({ method: 'POST', path: "/x?a='b'", body: { reason: "it's" } })).toContain(`-d '{"reason":"it'\\''s"}'`)
    expect(curl({ path: '/a;rm -rf' })).toMatch(/'[^']*\/a;rm -rf'$/)
  })
})
