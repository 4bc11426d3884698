import { describe, expect, it } from 'vitest'

import { type Report, type StepRun, assumptions, clock, compared, failoverText, progress, rampText, readSteps, scheduleText, track, trend } from './words'

const step = (s: Partial<StepRun>): StepRun => ({ name: 's', kind: 'wait', group: 0, phase: 'holding', state: 'waiting', ...s })

describe('a schedule', () => {
  it('is told in words where it is simple, and as it is otherwise', () => {
    expect(['0 9 * * 2', '5 4 * * *', '0 0 1 * *', '*/5 * * * *', '0 9 * 3 2', '0 9 * * 1,4'].map(scheduleText)).toEqual([
      'Tuesdays at 09:00 UTC', 'every day at 04:05 UTC', 'day 1 of each month at 00:00 UTC', 'cron */5 * * * * UTC', 'cron 0 9 * 3 2 UTC', 'Mondays, Thursdays at 09:00 UTC',
    ])
  })
})

describe('a run', () => {
  it('is as far as the running step that ends last', () => {
    const at = (s: number) => new Date(s * 1000).toISOString()
    const p = progress([step({ state: 'running', startedAt: at(100), until: at(110) }), step({ state: 'running', startedAt: at(100), until: at(140) }), step({ state: 'running', startedAt: at(100) })], 110_000)
    expect(p).toMatchObject({ until: 140_000, share: 0.25 })
    expect(p.running).toHaveLength(3)
    expect(progress([step({})], 0).until).toBeUndefined()
  })
  it('has each phase once in a row', () => {
    expect(track([step({ phase: 'draining', state: 'done' }), step({ phase: 'draining', state: 'running' }), step({ phase: 'window' }), step({ phase: 'draining' })])).toEqual([
      { phase: 'draining', state: 'running' }, { phase: 'window', state: 'waiting' }, { phase: 'draining', state: 'waiting' },
    ])
  })
  it('counts down to nothing and not below', () => expect([65_000, 900, 0, -5_000, 3_723_000].map(clock)).toEqual(['1:05', '0:01', '0:00', '0:00', '1:02:03']))
})

describe('a plan', () => {
  it('is previewed with all that it takes out, in parallel steps too', () => {
    expect(assumptions({ name: 'p', steps: [{ name: 'a', drain: ['region/x'] }, { name: 'b', parallel: [{ name: 'c', forceDown: ['pool/y'] }, { name: 'd', drain: ['region/x'] }] }] })).toEqual(['drain:region/x', 'force-down:pool/y'])
  })
})

describe('reports', () => {
  const report = (id: string, plan: string, decided: string, achieved?: string): Report => ({ id, kind: 'drill', title: plan, plan, targets: [], result: 'done', at: { decided }, achieved })
  it('are compared with those of the same plan that were measured, the oldest first', () => {
    const all = [report('d3', 'p', '2026-01-03T00:00:00Z', '31s'), report('d2', 'p', '2026-01-02T00:00:00Z'), report('d1', 'p', '2026-01-01T00:00:00Z', '40s'), report('d4', 'q', '2026-01-01T00:00:00Z', '1s')]
    expect(trend(all, 'p').map((r) => r.id)).toEqual(['d1', 'd3'])
  })
  it('says by how much', () => {
    expect(compared('31s', '40s')).toBe('9 s faster than the time before')
    expect(compared('40s', '39.8s')).toBe('as long as the time before')
    expect(compared(undefined, '1s')).toBeUndefined()
  })
})

describe('a ramp', () => {
  it('is told by how it goes, and not at all when it is at once', () => {
    expect(rampText({})).toBeUndefined()
    expect(rampText({ ramp: { over: '10m' }, returnOver: '1h' })).toBe('they leave in ten steps over 10 min; they come back over 1 h')
    expect(rampText({ ramp: { steps: [75, 0], every: '2m' } })).toBe('they leave by steps to 75, 0 %, one every 2 min')
  })
  it('takes steps as people write them', () => {
    expect(readSteps('75, 50 %; 25 0')).toEqual([75, 50, 25, 0])
    expect(readSteps(' ')).toEqual([])
  })
})

describe('a failover', () => {
  it('says how long it went unseen, from the first failing probe to the verdict', () => {
    expect(failoverText({ first: '2026-01-02T03:04:05Z', decided: '2026-01-02T03:04:08Z' })).toBe('3 s from the first failing probe to the verdict')
    expect(failoverText({ decided: '2026-01-02T03:04:08Z' })).toBeUndefined()
  })
})
