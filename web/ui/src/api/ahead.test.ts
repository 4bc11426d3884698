import { QueryClient } from '@tanstack/react-query'
import { afterEach, expect, test, vi } from 'vitest'

// The client takes Request when it is made; that of Node.js knows no page that a path would be of.
vi.hoisted(() => {
  const Own = globalThis.Request
  globalThis.Request = class extends Own { constructor(of: string | URL | Request, init?: RequestInit) { super(typeof of === 'string' ? new URL(of, 'http://127.0.0.1') : of, { ...init, signal: undefined }) } } as typeof Request
})

import { clusterQuery, sessionQuery } from './guard'
import { routes as overview } from '../pages/overview/route'
import { routes as services } from '../pages/services/route'
import { first } from '../first'
import { ahead, answered } from './ahead'

afterEach(() => vi.unstubAllGlobals())

const url = (path: string) => new Request(`http://127.0.0.1/api/v1${path}`)
const asked: string[] = []
function node(status: number) {
  asked.length = 0
  vi.stubGlobal('fetch', async (what: string | Request) => {
    asked.push(typeof what === 'string' ? what : new URL(what.url).pathname.replace(/^/, 'late '))
    return new Response('{}', { status })
  })
}

test('what was asked ahead is used once', async () => {
  node(200)
  ahead(['/regions'])
  await answered(url('/regions'))
  await answered(url('/regions'))
  expect(asked).toEqual(['/api/v1/session', '/api/v1/regions', 'late /api/v1/regions'])
})

test('nothing but the session is asked for ahead by who is not logged in', async () => {
  node(401)
  ahead(['/pools'])
  await answered(url('/session'))
  await answered(url('/pools'))
  expect(asked).toEqual(['/api/v1/session', 'late /api/v1/pools'])
})

test('what is asked ahead is what the pages read', async () => {
  for (const [page, route] of [['/', overview[0]], ['/services', services[0]]] as const) {
    const read: string[] = []
    vi.stubGlobal('fetch', async (r: Request) => { read.push(r.url.replace(/.*\/api\/v1/, '')); return new Response('{}') })
    const queries = new QueryClient()
    queries.setQueryData(sessionQuery.queryKey, { body: {} } as never)
    await (route.options.loader as (c: object) => Promise<void>)({ context: { queries } })
    expect(read.sort()).toEqual([...first[page].reads, clusterQuery.queryKey[0]].sort())
  }
})
