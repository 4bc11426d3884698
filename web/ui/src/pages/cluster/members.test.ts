import { describe, expect, it } from 'vitest'

import { type Cluster, type Member, clockText, diverged, lag, memberState, mixed, quorum, roleOf } from './members'

const member = (m: Partial<Member>): Member => ({ id: 'i', node: 'n', cluster: '', feature: 1, voter: true, reachable: true, lastHeard: '1s', applied: 100, ...m })
const cluster = (members: Member[]): Cluster => ({ node: 'a', id: 'i', role: 'leader', leader: 'a', term: 1, commit: 100, applied: 100, stateAge: '0s', members })

describe('a cluster', () => {
  it('needs a majority of its votes', () => {
    expect(quorum(cluster([member({}), member({}), member({ reachable: false }), member({ voter: false, agent: true })]))).toEqual({ voters: 3, up: 2, needs: 2, spare: 0 })
    expect(quorum(cluster([member({}), member({ reachable: false }), member({ reachable: false })])).spare).toBe(-1)
  })
  it('tells what each member is, and how far behind', () => {
    const c = cluster([])
    expect([member({ node: 'a' }), member({}), member({ voter: false }), member({ voter: false, agent: true })].map((m) => roleOf(m, c))).toEqual(['leader', 'voter', 'learner', 'agent'])
    expect([lag(member({ applied: 90 }), c), lag(member({ agent: true }), c)]).toEqual([10, undefined])
    const newer = cluster([member({ applied: 120 }), member({})])
    expect(newer.members.map((m) => lag(m, newer))).toEqual([0, 20])
    expect([member({}), member({ applied: 10 }), member({ reachable: false }), member({ agent: true, reachable: false }), member({ agent: true, lastHeard: '1m' })].map((m) => memberState(m, c))).toEqual(['up', 'degraded', 'down', 'up', 'down'])
  })
  it('has diverged only where the same index has another state', () => {
    expect(diverged(cluster([member({ node: 'a', hash: 'x' }), member({ node: 'b', hash: 'y', applied: 99 })]))).toEqual([])
    expect(diverged(cluster([member({ node: 'b', hash: 'x' }), member({ node: 'a', hash: 'y' })]))).toEqual(['a', 'b'])
  })
  it('tells clocks apart with what the measuring leaves open', () => {
    const off = (difference: string, uncertainty: string) => clockText(member({ clock: { difference, uncertainty, off: false } }))
    expect([off('-1.234ms', '400µs'), off('2.5s', '80ms'), off('1h2m0s', '12ms'), clockText(member({}))]).toEqual(['−1.2 ms ± 0.4 ms', '+2.5 s ± 80 ms', '+1 h 2 min ± 12 ms', undefined])
  })
  it('knows mixed versions, and that an older node says none', () => {
    expect(mixed(cluster([member({ version: 'v1' }), member({}), member({ version: 'v1' })]))).toEqual([])
    expect(mixed(cluster([member({ node: 'a', version: 'v2' }), member({ node: 'b', version: 'v1' }), member({ node: 'c', version: 'v2' })]))).toEqual([['v1', ['b']], ['v2', ['a', 'c']]])
  })
})
