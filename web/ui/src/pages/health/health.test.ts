import { describe, expect, it } from 'vitest'

import type { EndpointHealth } from '../../api/standing'
import { cells, expiry, msText, rowsOf, vantages } from './matrix'

const voice = (vantage: string, status: string, more: object = {}) => ({ vantage, status, fresh: true, age: '1s', ...more })
const check = (monitor: string, ...reports: object[]) => ({ check: `p/a@${monitor}`, monitor, verdict: { status: 'up', ballots: [] }, reports })
const endpoint = (...checks: object[]) => ({ endpoint: 'endpoint/p/a', pool: 'p', region: 'r', measured: 'up', effective: 'up', checks }) as unknown as EndpointHealth

describe('the matrix', () => {
  const e = endpoint(
    check('web', voice('ns2', 'up', { latency: '12ms' }), voice('ns10', 'up', { fresh: false })),
    check('tcp', voice('ns2', 'down', { error: 'connection refused' }), voice('signal/lb', 'up')),
  )
  it('has nodes by number, then signals', () => expect(vantages([e])).toEqual(['ns2', 'ns10', 'signal/lb']))
  it('shows the worst check of a vantage, with what all say', () => {
    const cell = cells(e).get('ns2')!
    expect(cell.state).toBe('down')
    expect(cell.ms).toBe(12)
    expect(cell.text).toBe('web: up, 12 ms; 1 s old\ntcp: down, connection refused; 1 s old')
  })
  it('takes what is stale for unknown', () => expect(cells(e).get('ns10')!.state).toBe('unknown'))
  it('can be of one monitor', () => {
    expect(rowsOf([e], 'web')[0]!.cells.get('ns2')!.state).toBe('up')
    expect(rowsOf([e], 'other')[0]!.cells.size).toBe(0)
  })
})

describe('a certificate', () => {
  it('is the one that ends first, by the newest sample of each vantage', () => {
    const c = { samples: [{ vantage: 'a', samples: [{}, { tlsExpiry: '2027-03-01T00:00:00Z' }, { tlsExpiry: '2026-01-01T00:00:00Z' }] }, { vantage: 'b', samples: [{ tlsExpiry: '2027-02-01T00:00:00Z' }] }] }
    expect(expiry(c as never)).toEqual({ at: '2027-02-01T00:00:00Z', vantage: 'b' })
  })
})

describe('milliseconds', () => {
  it('are rounded as they grow', () => expect([0.42, 12.4, 1234].map(msText)).toEqual(['0.4 ms', '12 ms', '1.2 s']))
})
