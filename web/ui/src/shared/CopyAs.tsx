import { Button } from '@mantine/core'
import { useClipboard } from '@mantine/hooks'
import IconCopy from '@tabler/icons-react/dist/esm/icons/IconCopy.mjs'

import { type Item, MenuButton } from './MenuButton'

export interface Copyable {
  curl?: { method?: string; path: string; body?: unknown; reason?: string } // path below /api/v1
  cli?: string // after "meridian"
  yaml?: () => string | Promise<string> // of what is not that of json
  json?: unknown
}

const quote = (s: string) => (/^[\w@%+=:,./-]+$/.test(s) ? s : `'${s.replaceAll("'", `'\\''`)}'`)

/** A call as curl makes it, with the token from the environment. */
export function curl({ method = 'GET', path, body, reason }: NonNullable<Copyable['curl']>): string {
  const parts = ['curl', '-sS', '-H', '"Authorization: Bearer $MERIDIAN_TOKEN"']
  if (method !== 'GET') parts.push('-X', method)
  if (reason?.trim()) parts.push('-H', quote(`X-Reason: ${reason.trim()}`))
  if (body !== undefined) parts.push('-H', quote('Content-Type: application/json'), '-d', quote(JSON.stringify(body)))
  return [...parts, quote(`${location.origin}/api/v1${path}`)].join(' ')
}

/** A shell word. */
export const shell = quote

/** The flag with which a command says why. */
export const because = (reason: string) => (reason.trim() ? ` --reason ${quote(reason.trim())}` : '')

/** The rest of a command that brings in objects of a document: "drillPlans", "monitors" … */
export const applies = (kind: string, object: unknown) => `apply -f - <<< ${quote(JSON.stringify({ [kind]: [object] }))}`

/** A value of the API as YAML, with what only old readers take for something else in quotes too. */
export const yamlOf = async (v: unknown) => (await import('yaml')).stringify(v, { version: '1.1', lineWidth: 0 })

/** Copies what is shown as the call, the command or the document that gives it. */
export function CopyAs({ curl: call, cli, yaml, json }: Copyable) {
  const clip = useClipboard({ timeout: 1200 })
  const items: Item[] = []
  if (call) items.push({ label: 'curl', do: () => clip.copy(curl(call)) })
  if (cli) items.push({ label: 'command line', do: () => clip.copy(`meridian ${cli}`) })
  if (yaml || json !== undefined) items.push({ label: 'YAML', do: () => void Promise.resolve(yaml ? yaml() : yamlOf(json)).then(clip.copy) })
  if (json !== undefined) items.push({ label: 'JSON', do: () => clip.copy(JSON.stringify(json, null, 2)) })
  return <MenuButton items={items}><Button size="compact-sm" variant="default" leftSection={<IconCopy size={14} />}>{clip.copied ? 'Copied' : 'Copy as'}</Button></MenuButton>
}
