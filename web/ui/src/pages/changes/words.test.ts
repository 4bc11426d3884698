import { describe, expect, it } from 'vitest'

import { type Draft, byObject, lines, standingOf, verdicts } from './words'

const draft = (d: Partial<Draft>): Draft => ({ id: 'd1', title: 't', createdAt: '', base: 1, version: 1, state: 'open', reviews: [], ...d })
const review = (actor: string, approve: boolean) => ({ actor, approve, at: '' })

describe('a draft', () => {
  it('goes by the last word of each', () => {
    expect(verdicts(draft({ reviews: [review('a', false), review('b', true), review('a', true)] })).map((r) => r.approve)).toEqual([true, true])
    expect(standingOf(draft({ reviews: [review('a', false), review('a', true)] })).word).toBe('approved by 1')
    expect(standingOf(draft({ reviews: [review('a', true), review('b', false)] })).word).toBe('rejected')
  })
  it('is a canary while one runs, and what became of it afterwards', () => {
    const canary = { nodes: ['n'], startedAt: '', endsAt: '', state: 'running' as const }
    expect(standingOf(draft({ canary })).word).toBe('canary')
    expect(standingOf(draft({ canary: { ...canary, state: 'aborted' } })).word).toBe('open')
    expect(standingOf(draft({ canary, state: 'published' })).word).toBe('published')
  })
})

describe('a difference', () => {
  it('keeps lines that stay', () => {
    const old = JSON.stringify({ name: 'web-eu-central-with-a-long-name', endpoints: [{ name: 'a', weight: 1 }] })
    const now = JSON.stringify({ name: 'web-eu-central-with-a-long-name', endpoints: [{ name: 'a', weight: 2 }] })
    expect(lines(old, now).filter((p) => p.kind !== 'same').map((p) => `${p.kind} ${p.text.trim()}`)).toEqual(['old "weight": 1', 'new "weight": 2'])
    expect(lines(old, now).filter((p) => p.kind === 'same').length).toBeGreaterThan(4)
  })
  it('is a word for a word, and shows what is no JSON as it is', () => {
    expect(lines('1', '2')).toEqual([{ text: '1', kind: 'old' }, { text: '2', kind: 'new' }])
    expect(lines(undefined, '300 192.0.2.1')).toEqual([{ text: '300 192.0.2.1', kind: 'new' }])
  })
  it('is told object by object', () => {
    const e = (object: string, field: string) => ({ op: 'change' as const, object, field })
    expect(byObject([e('pool/a', 'x'), e('pool/b', 'x'), e('pool/a', 'y')]).map(([o, l]) => [o, l.length])).toEqual([['pool/a', 2], ['pool/b', 1]])
  })
})
