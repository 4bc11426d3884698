import { Button } from '@mantine/core'
import { useClipboard } from '@mantine/hooks'
import IconCopy from '@tabler/icons-react/dist/esm/icons/IconCopy.mjs'

import { type Item, MenuButton } from './MenuButton'

export interface Copyable {
  curl?: { method?: string; path: string; body?: unknown } // path below /api/v1
  cli?: string // after "meridian"
  yaml?: () => string | Promise<string>
  json?: unknown
}

const quote = (s: string) => (/^[\w@%+=:,./-]+$/.test(s) ? s : `'${s.replaceAll("'", `'\\''`)}'`)

/** A call as curl makes it, with the token from the environment. */
export function curl({ method = 'GET', path, body }: NonNullable<Copyable['curl']>): string {
  const parts = ['curl', '-sS', '-H', '"Authorization: Bearer $MERIDIAN_TOKEN"']
  if (method !== 'GET') parts.push('-X', method)
  if (body !== undefined) parts.push('-H', quote('Content-Type: application/json'), '-d', quote(JSON.stringify(body)))
  return [...parts, quote(`${location.origin}/api/v1${path}`)].join(' ')
}

/** A shell word. */
export const shell = quote

/** Copies what is shown as the call, the command or the document that gives it. */
export function CopyAs({ curl: call, cli, yaml, json }: Copyable) {
  const clip = useClipboard({ timeout: 1200 })
  const items: Item[] = []
  if (call) items.push({ label: 'curl', do: () => clip.copy(curl(call)) })
  if (cli) items.push({ label: 'command line', do: () => clip.copy(`meridian ${cli}`) })
  if (yaml) items.push({ label: 'YAML', do: () => void Promise.resolve(yaml()).then(clip.copy) })
  if (json !== undefined) items.push({ label: 'JSON', do: () => clip.copy(JSON.stringify(json, null, 2)) })
  return <MenuButton items={items}><Button size="compact-sm" variant="default" leftSection={<IconCopy size={14} />}>{clip.copied ? 'Copied' : 'Copy as'}</Button></MenuButton>
}
