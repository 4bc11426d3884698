import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { gatherer, loadedAt } from './events'

describe('what events make stale', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())
  const node = () => {
    const reads: { path: string; over: () => void; fail: () => void }[] = []
    const { tell } = gatherer((path) => new Promise((over, fail) => reads.push({ path, over: () => over(undefined), fail: () => fail(new Error('refused')) })))
    return { reads, tell, paths: () => reads.map((r) => r.path), pass: (ms: number) => vi.advanceTimersByTimeAsync(ms) }
  }

  it('is read once for a burst', async () => {
    const { tell, paths, pass } = node()
    for (let i = 0; i < 5000; i++) tell(['/health', '/answers'])
    await pass(300)
    expect(paths()).toEqual(['/health', '/answers'])
  })
  it('is read at the pace at which the node answers, and once more for what came meanwhile', async () => {
    const { tell, reads, paths, pass } = node()
    for (let i = 0; i < 100; i++) { tell(['/health']); await pass(100) }
    expect(paths()).toEqual(['/health'])
    reads[0]!.over()
    await pass(300)
    expect(paths()).toEqual(['/health', '/health'])
    reads[1]!.over()
    await pass(10_000)
    expect(paths()).toEqual(['/health', '/health'])
  })
  it('does not wait for another path', async () => {
    const { tell, paths, pass } = node()
    tell(['/health'])
    await pass(300)
    tell(['/zones'])
    await pass(300)
    expect(paths()).toEqual(['/health', '/zones'])
  })
  it('is read again after a reading that failed, and after one that never ends', async () => {
    const { tell, reads, paths, pass } = node()
    tell(['/health'])
    await pass(300)
    reads[0]!.fail()
    tell(['/health'])
    await pass(300)
    expect(paths()).toHaveLength(2)
    tell(['/health'])
    await pass(70_000)
    expect(paths()).toHaveLength(3)
  })
  it('is all of it in place of each, and waits for what is under way', async () => {
    const { tell, reads, paths, pass } = node()
    tell(['/health'])
    await pass(300)
    tell(['', '/zones'])
    await pass(300)
    expect(paths()).toEqual(['/health'])
    reads[0]!.over()
    await pass(300)
    expect(paths()).toEqual(['/health', ''])
    reads[1]!.over()
    await pass(10_000)
    expect(paths()).toEqual(['/health', ''])
  })
})

describe('what happened before the page was loaded', () => {
  const answer = (date?: string) => new Response('', { headers: date ? { Date: date } : {} })
  it('is told by the clock of the node, whatever that of the browser says', () => {
    const loaded = loadedAt(answer('Fri, 27 Nov 2026 12:00:05 GMT'), 5_000)
    expect(new Date(loaded).toISOString()).toBe('2026-11-27T11:59:50.000Z')
  })
  it('is not told without one: then each event makes stale what it touches', () => {
    expect(Date.parse('2026-11-27T12:00:00Z') < loadedAt(answer())).toBe(false)
  })
})
