import { Group, Skeleton, Stack, Table, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'

import type { Schemas } from '../api/client'
import { get } from '../api/queries'
import { ErrorBox } from './ErrorBox'
import { percent } from './Share'

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
      <Table verticalSpacing={3} fz="sm" className="num">
        <Table.Thead><Table.Tr><Table.Th>Clients in</Table.Th><Table.Th>from</Table.Th><Table.Th>to</Table.Th><Table.Th ta="right">of the world</Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>
          {shown.map((m) => (
            <Table.Tr key={`${m.country} ${m.from} ${m.to}`}>
              <Table.Td>{countryName(m.country)}{m.ofCountry < 0.995 && <Text span size="xs" c="dimmed"> {percent(m.ofCountry)} of it</Text>}</Table.Td>
              <Table.Td className="mono">{m.from}</Table.Td><Table.Td className="mono">{m.to}</Table.Td><Table.Td ta="right">{percent(m.share)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {(effect.moves.length > rows || effect.more) && <Text size="xs" c="dimmed">and {effect.moves.length - shown.length + (effect.more ?? 0)} more moves</Text>}
    </Stack>
  )
}

/** What assumptions do to a service's answers. */
export function EffectOf({ service, assume }: { service: string; assume: string[] }) {
  const q = useQuery({ ...get('/answers', { params: { query: { service, assume } } }), retry: false })
  if (q.error) return <ErrorBox error={q.error} />
  const effect = q.data?.body.difference
  if (q.data && !effect) return <Text size="sm"><b className="mono">{service}</b>: no client gets another answer.</Text>
  if (!effect) return <Group><Skeleton height={18} /></Group>
  return <EffectTable effect={effect} />
}
