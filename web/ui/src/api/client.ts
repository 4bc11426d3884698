import createClient, { type FetchResponse, type MaybeOptionalInit } from 'openapi-fetch'
import type { HttpMethod, PathsWithMethod } from 'openapi-typescript-helpers'

import { answered } from './ahead'
import { Refusal, readProblem } from './problem'
import type { components, paths } from './schema.gen'

export type Schemas = components['schemas']

// The session is a cookie of this origin, which scripts cannot read; the node knows by Sec-Fetch-Site and Origin
// that a call comes from its own page, so there is no token to carry.
export const client = createClient<paths>({
  baseUrl: '/api/v1',
  credentials: 'same-origin',
  fetch: answered,
  querySerializer: { array: { style: 'form', explode: true } },
})

/** What was read, and the revision that a write based on it names. */
export interface Got<T> {
  body: T
  etag?: string
  index?: number
}

type Ok<M extends HttpMethod, P extends keyof paths> = paths[P] extends Record<M, infer O extends Record<string | number, unknown>>
  ? NonNullable<FetchResponse<O, object, 'application/json'>['data']>
  : never

export type Init<P extends keyof paths, M extends HttpMethod> = M extends keyof paths[P] ? MaybeOptionalInit<paths[P], M> : never

let whenLoggedOut: () => void = () => {}
/** Sets what happens when a call finds that the session is over. */
export function onLoggedOut(f: () => void) {
  whenLoggedOut = f
}

async function settle(result: { data?: unknown; error?: unknown; response: Response }): Promise<Got<unknown>> {
  const { response } = result
  if (!response.ok) {
    if (response.status === 401 && !response.url.includes('/session')) whenLoggedOut()
    throw new Refusal(readProblem(result.error, response))
  }
  const index = response.headers.get('X-Index')
  return { body: result.data, etag: response.headers.get('ETag') ?? undefined, index: index ? Number(index) : undefined }
}

async function send(call: () => Promise<{ data?: unknown; error?: unknown; response: Response }>): Promise<Got<unknown>> {
  let result
  try {
    result = await call()
  } catch (err) {
    if (err instanceof DOMException && err.name === 'AbortError') throw err
    throw new Refusal({ type: 'about:blank', title: 'No answer', status: 0, kind: 'unreachable', detail: 'This node does not answer. Is it running, and is the network there?' })
  }
  return settle(result)
}

/** Reads a path. */
export async function read<P extends PathsWithMethod<paths, 'get'>>(path: P, init?: Init<P, 'get'>, signal?: AbortSignal): Promise<Got<Ok<'get', P>>> {
  const options = { ...(init as object | undefined), signal }
  return (await send(() => client.GET(path, options as never) as never)) as Got<Ok<'get', P>>
}

/** What every write may carry. */
export interface Carry {
  etag?: string // of what was shown; the write is refused (412) when it has changed since
  reason?: string
  override?: string[] // safety rules that it may break
  key?: string // of idempotency: a retry carries that of the first try
}

/** Makes a write. It carries an Idempotency-Key always, so that trying again does it once. */
export async function write<M extends 'put' | 'post' | 'delete' | 'patch', P extends PathsWithMethod<paths, M>>(
  method: M,
  path: P,
  init: Init<P, M>,
  carry: Carry = {},
): Promise<Got<Ok<M, P>>> {
  const headers: Record<string, string> = { 'Idempotency-Key': carry.key ?? newKey() }
  if (carry.etag) headers['If-Match'] = carry.etag
  if (carry.reason) headers['X-Reason'] = carry.reason.replace(/\s+/g, ' ').trim()
  if (carry.override?.length) headers['X-Override'] = carry.override.join(', ')
  const given = (init ?? {}) as { headers?: Record<string, string> }
  const options = { ...given, headers: { ...headers, ...given.headers } }
  const call = client.request as unknown as (m: string, p: string, o: unknown) => Promise<{ data?: unknown; error?: unknown; response: Response }>
  return (await send(() => call(method, path as string, options))) as Got<Ok<M, P>>
}

/** A fresh Idempotency-Key. crypto.randomUUID is not there over plain HTTP. */
export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('')
}
