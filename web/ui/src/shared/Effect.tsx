import { Group, Skeleton, Stack, Table, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'

import type { Schemas } from '../api/client'
import { get } from '../api/queries'
import { ErrorBox } from './ErrorBox'
import { count } from './number'
import { percent } from './Share'

const listed = 100 // services, at most, of which a node tells whose answers change

let countries: Intl.DisplayNames | undefined // made when first needed: it takes tens of milliseconds

/** A country's name, for people. */
export function countryName(code: string): string {
  if (!code) return 'unknown country'
  try {
    return (countries ??= new Intl.DisplayNames(['en'], { type: 'region' })).of(code) ?? code
  } catch {
    return code
  }
}

/** Whose answers change, and to what: the share of all clients, then the largest moves. */
export function EffectTable({ effect, rows = 6 }: { effect: Schemas['Effect']; rows?: number }) {
  if (effect.moved === 0) return <Text size="sm"><b className="mono">{effect.service}</b>: no client gets another answer.</Text>
  const shown = effect.moves.slice(0, rows)
  return (
    <Stack gap={4}>
      <Text size="sm"><b className="mono">{effect.service}</b>: <b>{percent(effect.moved)}</b> of all clients get another answer.</Text>
      <Table verticalSpacing={3} fz="sm" className="num moves">
        <Table.Thead><Table.Tr><Table.Th>Clients in</Table.Th><Table.Th>From</Table.Th><Table.Th>To</Table.Th><Table.Th ta="right" className="nowrap">Of the world</Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>
          {shown.map((m) => (
            <Table.Tr key={`${m.country} ${m.from} ${m.to}`}>
              <Table.Td>{countryName(m.country)}{m.ofCountry < 0.995 && <> <Text span size="xs" c="dimmed" className="nowrap">{percent(m.ofCountry)} of it</Text></>}</Table.Td>
              <Table.Td className="mono nowrap">{m.from}</Table.Td><Table.Td className="mono nowrap">{m.to}</Table.Td><Table.Td ta="right">{percent(m.share)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {(effect.moves.length > rows || effect.more) && <Text size="xs" c="dimmed">and {effect.moves.length - shown.length + (effect.more ?? 0)} more moves</Text>}
    </Stack>
  )
}

/** What assumptions do to a service's answers. */
export function EffectOf({ service, assume, rows }: { service: string; assume: string[]; rows?: number }) {
  const q = useQuery({ ...get('/answers', { params: { query: { service, assume } } }), retry: false })
  if (q.error) return <ErrorBox error={q.error} />
  const effect = q.data?.body.difference
  if (q.data && !effect) return <Text size="sm"><b className="mono">{service}</b>: no client gets another answer.</Text>
  if (!effect) return <Group><Skeleton height={18} /></Group>
  return <EffectTable effect={effect} rows={rows} />
}

/** What an object that is new does not do by itself, and what it takes. */
const alone: Record<string, string> = {
  region: 'A region is answered once a pool in it has endpoints, and a service steers to that pool.',
  pool: 'A pool is answered once a service steers to it.',
  monitor: 'A monitor checks nothing until a pool names it.',
  provider: 'A provider is answered by the regions that name it.',
  template: 'A template does nothing until a service names it.',
}

/** Whose answers a change gives to others, the largest services first; where there are none, what it takes that there are. */
export function Effects({ list, edits, most = 3, rows = 4 }: { list?: readonly Schemas['Effect'][]; edits: readonly Schemas['Edit'][]; most?: number; rows?: number }) {
  if (list?.length) {
    return (
      <>
        {list.slice(0, most).map((e) => <EffectTable key={e.service + e.type} effect={e} rows={rows} />)}
        {list.length > most && <Text size="xs" c="dimmed">and {list.length >= listed && 'at least '}{count(list.length - most)} more services</Text>}
      </>
    )
  }
  const made = new Set(edits.filter((e) => e.op === 'add' && !e.field).map((e) => e.object.slice(0, e.object.indexOf('/'))))
  return <Text size="sm">No client gets another answer by it. {Object.entries(alone).filter(([kind]) => made.has(kind)).map(([, text]) => text).join(' ')}</Text>
}
