import { Autocomplete } from '@mantine/core'
import { useState } from 'react'

import { alpha2 } from './map/iso'
import { countryName } from './Effect'

const list = [...new Set(Object.values(alpha2))].map((code) => ({ code, name: countryName(code) })).sort((a, b) => a.name.localeCompare(b.name))
const byName = new Map(list.map((c) => [c.name.toLowerCase(), c.code]))

/** A client as /explain takes it: country/NG for Nigeria, asn/64500 for AS64500, an address or a prefix as it is. */
export function readClient(text: string): string | undefined {
  const t = text.trim()
  const code = byName.get(t.toLowerCase()) ?? (/^[A-Za-z]{2}$/.test(t) ? t.toUpperCase() : undefined)
  if (code) return `country/${code}`
  const as = /^as\s*(\d+)$/i.exec(t)
  if (as) return `asn/${as[1]}`
  return /^[\da-fA-F:.]+(\/\d+)?$/.test(t) && /[.:]/.test(t) ? t : undefined
}

/** The same for people. */
export function clientText(client: string): string {
  if (client.startsWith('country/')) return countryName(client.slice(8))
  return client.startsWith('asn/') ? `AS${client.slice(4)}` : client
}

/** Asks for a client: a country, an address, a prefix or an AS number. */
export function ClientSelect({ value, set, label = 'Client', description }: { value: string; set: (client: string) => void; label?: string; description?: string }) {
  const [text, setText] = useState(clientText(value))
  const [was, setWas] = useState(value)
  if (was !== value) { setWas(value); setText(clientText(value)) }
  const take = (t: string) => { const c = readClient(t); if (c && c !== value) set(c) }
  const wrong = text !== '' && !readClient(text)
  return (
    <Autocomplete label={label} description={description} data={list.map((c) => c.name)} value={text} limit={60} maxDropdownHeight={280} size="sm" w={260} selectFirstOptionOnChange
      onChange={setText} onOptionSubmit={take} onBlur={() => take(text)} onKeyDown={(e) => { if (e.key === 'Enter') take(text) }}
      placeholder="Country, address, prefix or AS number" error={wrong && text.length > 3 ? 'A country, an address, a prefix, or AS and a number' : undefined} />
  )
}
