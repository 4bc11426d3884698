import { describe, expect, it } from 'vitest'

import { type Cluster, type Member, clockText, lag, memberState, quorum, roleOf } from './members'

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
  it('tells clocks apart with what the measuring leaves open', () => {
    const off = (difference: string, uncertainty: string) => clockText(member({ clock: { difference, uncertainty, off: false } }))
    expect([off('-1.234ms', '400µs'), off('2.5s', '80ms'), off('1h2m0s', '12ms'), clockText(member({}))]).toEqual(['−1.2 ms ± 0.4 ms', '+2.5 s ± 80 ms', '+1 h 2 min ± 12 ms', undefined])
  })
})
