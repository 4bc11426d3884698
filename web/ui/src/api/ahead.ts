// Readings that are asked for before the code that needs them is there. This module imports nothing, so that it can run first.
const asked = new Map<string, Promise<Response | undefined>>()
const keeps = 10_000 // ms from the page's load, after which nothing that was asked ahead is used

const ask = (path: string) => fetch(`/api/v1${path}`, { credentials: 'same-origin' })
const nothing = () => undefined

/** Asks for the session, and where there is one for these paths. Each is used once, by the first who reads it. */
export function ahead(paths: readonly string[]) {
  const session = ask('/session').catch(nothing)
  asked.set('/session', session)
  for (const path of paths) asked.set(path, session.then((res) => (res?.ok ? ask(path) : undefined)).catch(nothing))
}

/** The answer to a reading: what was asked ahead, or what is asked now. */
export async function answered(request: Request): Promise<Response> {
  const { pathname, search } = new URL(request.url)
  const path = request.method === 'GET' && performance.now() < keeps ? pathname.replace(/^\/api\/v1/, '') + search : ''
  const before = asked.get(path)
  asked.delete(path)
  return (await before) ?? fetch(request)
}
