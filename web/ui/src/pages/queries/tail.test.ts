import { describe, expect, it } from 'vitest'

import { questionOf, rowsOf, tallies } from './tail'

const query = (at: string, name = 'www.example.com') => ({ at, node: 'ns1', name, type: 'A', client: '91.10.3.0/24', answers: ['198.51.100.1'], rcode: 'NOERROR', scope: 24 })

describe('the tail of queries', () => {
  it('keeps the id of a row as newer ones come, also of those that are alike', () => {
    const before = rowsOf([query('2026-01-02T03:04:06Z'), query('2026-01-02T03:04:06Z'), query('2026-01-02T03:04:05Z')]).map((r) => r.id)
    const after = rowsOf([query('2026-01-02T03:04:06Z'), query('2026-01-02T03:04:06Z'), query('2026-01-02T03:04:06Z'), query('2026-01-02T03:04:05Z')]).map((r) => r.id)
    expect(new Set(after).size).toBe(4)
    expect(after.slice(1)).toEqual(before)
  })
  it('tells shares of what was sampled, and never more than all of it', () => {
    expect(tallies([{ key: 'DE', count: 5 }, { key: 'NG', count: 12, over: 4 }], 10)).toEqual([{ key: 'DE', count: 5, over: 0, share: 0.5 }, { key: 'NG', count: 12, over: 4, share: 1 }])
    expect(tallies([{ key: 'DE', count: 5 }], 0)[0]!.share).toBe(0)
  })
  it('asks what the client asked', () => {
    expect(questionOf({ ...query('2026-01-02T03:04:06Z'), type: 'AAAA' })).toEqual({ name: 'www.example.com', type: 'AAAA', client: '91.10.3.0/24' })
  })
})
