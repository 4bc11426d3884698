import type { Schemas } from '../../api/client'
import { read } from '../../api/client'

export type RRset = Schemas['RRset']

export const types = ['A', 'AAAA', 'CAA', 'CNAME', 'DNAME', 'DNSKEY', 'DS', 'HTTPS', 'MX', 'NAPTR', 'NS', 'PTR', 'SOA', 'SRV', 'SSHFP', 'SVCB', 'TLSA', 'TXT']

/** How the data of each type is written, for who does not know it by heart. */
export const example: Record<string, string> = {
  A: '192.0.2.1', AAAA: '2001:db8::1', CAA: '0 issue "ca.example.net"', CNAME: 'www.example.net.', DNAME: 'example.net.', MX: '10 mail.example.net.', NS: 'ns1.example.net.',
  PTR: 'host.example.net.', SOA: 'ns1.example.net. hostmaster.example.net. 1 7200 900 1209600 300', SRV: '10 5 443 host.example.net.', TXT: '"a text in quotes"',
  TLSA: '3 1 1 0b9f…', HTTPS: '1 . alpn="h2,h3"', SVCB: '1 svc.example.net. port=853', DS: '12345 13 2 49fd…', SSHFP: '4 2 123456…', NAPTR: '100 10 "u" "E2U+sip" "!^.*$!sip:info@example.net!" .',
}

/** An absolute name of what a person writes within a zone: @, www, www.example.com or www.example.com. */
export function absolute(text: string, zone: string): string {
  const apex = zone.replace(/\.$/, '')
  const t = text.trim()
  if (t === '' || t === '@') return `${apex}.`
  if (t.endsWith('.')) return t
  const low = t.toLowerCase(), z = apex.toLowerCase()
  return low === z || low.endsWith(`.${z}`) ? `${t}.` : `${t}.${apex}.`
}

/** A name as it is short within its zone: @ or www. */
export function relative(name: string, zone: string): string {
  const apex = `${zone.replace(/\.$/, '')}.`
  if (name.toLowerCase() === apex.toLowerCase()) return '@'
  return name.toLowerCase().endsWith(`.${apex.toLowerCase()}`) ? name.slice(0, -apex.length - 1) : name
}

const v4 = /^(25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/
const dotted = (name: string) => name === '.' || name.endsWith('.')

/** What is plainly wrong with a record, before the node is asked, which checks all of it. */
export function wrongRecord(type: string, data: string): string | undefined {
  const parts = data.trim().split(/\s+/)
  const last = parts.at(-1) ?? ''
  if (data.trim().startsWith('\\#')) return undefined // RFC 3597
  switch (type) {
    case 'A': return v4.test(data.trim()) ? undefined : 'an IPv4 address, as 192.0.2.1'
    case 'AAAA': return /^[\da-f:.]+$/i.test(data.trim()) && data.includes(':') ? undefined : 'an IPv6 address, as 2001:db8::1'
    case 'CNAME': case 'DNAME': case 'NS': case 'PTR':
      return parts.length !== 1 ? 'one name' : dotted(last) ? undefined : 'the name needs its final dot'
    case 'MX': return parts.length === 2 && /^\d+$/.test(parts[0]!) ? (dotted(last) ? undefined : 'the name needs its final dot') : 'a preference and a name, as 10 mail.example.net.'
    case 'SRV': return parts.length === 4 && parts.slice(0, 3).every((p) => /^\d+$/.test(p)) ? (dotted(last) ? undefined : 'the name needs its final dot') : 'priority, weight, port and a name'
    case 'CAA': return parts.length >= 3 && /^\d+$/.test(parts[0]!) ? undefined : 'flags, a tag and a value, as 0 issue "ca.example.net"'
    case 'SOA': return parts.length === 7 ? undefined : 'seven fields: server, mailbox, serial, refresh, retry, expire, minimum'
    default: return undefined
  }
}

/** The lines of a box as records, and what is wrong with which. */
export function readLines(type: string, text: string): { records: string[]; wrong: string[] } {
  const records: string[] = []
  const wrong: string[] = []
  text.split('\n').forEach((line, i) => {
    if (!line.trim()) return
    records.push(line.trim())
    const why = wrongRecord(type, line)
    if (why) wrong.push(`line ${i + 1}: ${why}`)
  })
  if (records.length === 0) wrong.push('at least one record')
  if (type === 'CNAME' && records.length > 1) wrong.push('a CNAME is one record')
  return { records, wrong }
}

export const pageSize = 200
const most = 20 // pages that one look asks for while what it filters by is not found

/** A page of a zone's RRsets. With a type, pages of the API may be short or empty; then more are asked for. */
export async function page(zone: string, by: { name?: string; type?: string; after?: string }, signal?: AbortSignal) {
  const items: RRset[] = []
  let after = by.after
  let etag: string | undefined
  for (let i = 0; i < most; i++) {
    const got = await read('/zones/{zone}/rrsets', { params: { path: { zone }, query: { ...(by.name ? { name: by.name } : {}), ...(by.type ? { type: by.type } : {}), ...(after ? { after } : {}), limit: by.type ? 1000 : pageSize } } }, signal)
    etag ??= got.etag
    items.push(...got.body.items)
    after = got.body.next
    if (!after || items.length >= pageSize) break
  }
  return { items, next: after, etag }
}

/** A zone to begin with. */
export function skeleton(zone: string, server: string, mail: string): string {
  const dot = (n: string) => (n.endsWith('.') ? n : `${n}.`)
  const box = dot(mail.includes('@') ? mail.replace('@', '.') : mail)
  return `$ORIGIN ${dot(zone)}\n$TTL 300\n@ IN SOA ${dot(server)} ${box} 1 7200 900 1209600 300\n@ IN NS ${dot(server)}\n`
}
