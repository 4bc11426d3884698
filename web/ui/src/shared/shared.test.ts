import { describe, expect, it } from 'vitest'
import { parse as read } from 'yaml'

import { parse } from '../api/events'
import { type Column, matching } from './DataTable'
import { type State, stateOf, states } from './Status'
import { age, brief, fullTime, parseDuration, span, spoken } from './Time'
import { readClient } from './ClientSelect'
import { applies, because, curl, yamlOf } from './CopyAs'
import { barsOf, uptime } from './HealthStrip'
import { type SteerNode, readTree } from './steering'

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
  const of = (...parts: State[]) => stateOf(Object.fromEntries(states.map((s) => [s, parts.filter((p) => p === s).length])) as Record<State, number>)
  it('is degraded when a part is down, and down only when no part is up', () => {
    expect(of('up', 'down')).toBe('degraded')
    expect(of('down', 'down')).toBe('down')
    expect(of('up', 'drained')).toBe('up')
    expect(of('drained', 'down')).toBe('down')
    expect(of('up', 'unknown')).toBe('degraded')
    expect(of()).toBe('unknown')
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

describe('a steering tree', () => {
  const tree = readTree({
    geo: [
      { match: { continents: ['EU'] }, to: { failover: [{ pool: 'eu' }, { template: 'all' }] } },
      { match: { countries: ['US'] }, weighted: [{ pool: 'us', weight: 3 }, { pool: 'eu' }] },
    ],
    default: { nearest: [{ pool: 'us', bias: 10 }] },
  }, new Map([['all', { nearest: [{ pool: 'ap' }] }]]))
  const walk = (n: SteerNode): SteerNode[] => [n, ...n.children.flatMap(walk)]
  it('has the paths that explanations use', () => {
    expect(walk(tree).map((n) => n.path)).toEqual([
      'geo', 'geo[0].failover', 'geo[0].failover[0].pool eu', 'geo[0].failover[1].template all.nearest', 'geo[0].failover[1].template all.nearest[0].pool ap',
      'geo[1].weighted', 'geo[1].weighted[0].pool us', 'geo[1].weighted[1].pool eu', 'geo.default.nearest', 'geo.default.nearest[0].pool us',
    ])
  })
  it('says whom a branch is for, and its part', () => {
    expect(tree.children.map((c) => c.note)).toEqual(['EU', 'US', 'everybody else'])
    expect(tree.children[1]!.children.map((c) => c.note)).toEqual(['weight 3 (75 %)', 'weight 1 (25 %)'])
  })
  it('knows the way back to what it was read from', () => expect(tree.children[1]!.at).toEqual(['geo', 1]))
})

describe('a client', () => {
  it('is a country, a network or an AS number', () => {
    expect(['Nigeria', 'de', 'AS64500', '192.0.2.0/24', '2001:db8::1', 'Lagos'].map(readClient)).toEqual(['country/NG', 'country/DE', 'asn/64500', '192.0.2.0/24', '2001:db8::1', undefined])
  })
})

describe('a health strip', () => {
  const at = (s: number) => new Date(s * 1000).toISOString()
  const points = [{ at: at(0), status: 'up' as const, down: 0 }, { at: at(10), status: 'down' as const, down: 0.2 }, { at: at(20), status: 'up' as const, down: 0 }, { at: at(60), status: 'unknown' as const, down: 0 }]
  it('shows the worst of what falls into a bar, and nothing where nothing is known', () => {
    expect(barsOf(points, 0, 80_000, 10_000, 4).map((b) => b.status)).toEqual(['down', 'up', 'none', 'unknown'])
  })
  it('fills the bars of a step that is longer than one', () => {
    expect(barsOf([points[1]!], 0, 40_000, 20_000, 8).map((b) => b.status)).toEqual(['none', 'none', 'down', 'down', 'down', 'down', 'none', 'none'])
  })
  it('counts the time down of the time that is known', () => {
    expect(uptime(points)).toBeCloseTo(1 - 0.2 / 3)
    expect(uptime([])).toBeUndefined()
  })
})

describe('what is copied', () => {
  it('is YAML that readers of both its versions take for what it was', async () => {
    const was = { name: 'web', ttl: 30, on: true, empty: [], none: null, steps: [{ name: 'a', drain: ['region/eu', '5m', 'yes', '1:30', '012'] }, { name: 'b' }], text: 'a: b # c', date: '2026-01-02' }
    const text = await yamlOf({ ...was, gone: undefined })
    for (const version of ['1.1', '1.2'] as const) expect(read(text, { version })).toEqual(was)
  })
  it('is one shell word each, whatever is in it', () => {
    expect(because(" it's $HOME ")).toBe(` --reason 'it'\\''s $HOME'`)
    expect(applies('drillPlans', { name: 'a' })).toBe(`apply -f - <<< '{"drillPlans":[{"name":"a"}]}'`)
  })
})

describe('lengths of time as the API writes them', () => {
  it('are written as a person does, to edit', () => expect(['1m0s', '2h0m0s', '30m0s', '1h30m0s', '90s', '1m30s', undefined].map(brief)).toEqual(['1m', '2h', '30m', '1h30m', '90s', '1m30s', undefined]))
  it('are said in text', () => {
    expect(spoken('soak for 30m0s')).toBe('soak for 30\u00a0min')
    expect(spoken('the window closes in 6s')).toBe('the window closes in 6\u00a0s')
    expect(spoken('d1046: 12 checks, 33 %, 127.0.0.1:80, web-5s, 177.3ms')).toBe('d1046: 12 checks, 33 %, 127.0.0.1:80, web-5s, 177\u00a0ms')
  })
  it('are ages', () => expect(['177.279639ms', '4.2s', '0s'].map(age)).toEqual(['under 1 s', '4 s', 'under 1 s']))
})
