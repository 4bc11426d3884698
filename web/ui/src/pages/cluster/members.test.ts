import { describe, expect, it } from 'vitest'

import { type Cluster, type Member, diverged, lag, memberState, quorum, roleOf } from './members'

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
})
