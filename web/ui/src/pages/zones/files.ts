import { Refusal, readProblem } from '../../api/problem'
import { write } from '../../api/client'

/** Puts a whole zone from a master file. etag "0" creates only. */
export function putZone(zone: string, text: string, etag: string | undefined, reason?: string) {
  return write('put', '/zones/{zone}', { params: { path: { zone } }, body: text, bodySerializer: (b: unknown) => b, headers: { 'Content-Type': 'text/dns' } } as never, { etag, reason })
}

/** A zone as a master file. */
export async function zoneText(zone: string): Promise<string> {
  const res = await fetch(`/api/v1/zones/${encodeURIComponent(zone)}`, { credentials: 'same-origin', headers: { Accept: 'text/dns' } })
  if (!res.ok) throw new Refusal(readProblem(await res.json().catch(() => undefined), res))
  return res.text()
}

/** Saves a zone as a file of the browser's. */
export async function saveZone(zone: string) {
  const url = URL.createObjectURL(new Blob([await zoneText(zone)], { type: 'text/dns' }))
  const a = document.createElement('a')
  a.href = url
  a.download = `${zone.replace(/\.$/, '')}.zone`
  a.click()
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}
