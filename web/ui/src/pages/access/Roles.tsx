import { Box, Table, Text } from '@mantine/core'
import IconCheck from '@tabler/icons-react/dist/esm/icons/IconCheck.mjs'

import { ranks } from '../../api/guard'
import { Panel } from '../../shared/Panel'

// As the contract has it (components.schemas.Role): each role may what those before it may.
const may: [what: string, from: (typeof ranks)[number]][] = [
  ['See everything but tokens', 'viewer'],
  ['Ask what-if, plan a change', 'viewer'],
  ['Drain, share, force and lift', 'operator'],
  ['Resume endpoints, probe now, run drills', 'operator'],
  ['Feed latencies, loads and signals', 'operator'],
  ['Change the configuration and zones', 'editor'],
  ['Users, tokens, single sign-on and credentials', 'admin'],
  ['Members of the cluster', 'admin'],
]

export default function Roles() {
  return (
    <Panel title="What each role may" note="a role may what those before it may">
      <Box pos="relative">
        <Table verticalSpacing={7} fz="sm" className="roles" aria-label="What each role may">
          <Table.Thead><Table.Tr><Table.Th>May</Table.Th>{ranks.map((r) => <Table.Th key={r} ta="center">{r}</Table.Th>)}</Table.Tr></Table.Thead>
          <Table.Tbody>
            {may.map(([what, from]) => (
              <Table.Tr key={what}>
                <Table.Td>{what}</Table.Td>
                {ranks.map((r) => <Table.Td key={r} ta="center">{ranks.indexOf(r) >= ranks.indexOf(from) ? <IconCheck size={16} role="img" aria-label="yes" color="var(--m-up)" /> : <Text span size="xs" c="dimmed">–<span className="visually-hidden">no</span></Text>}</Table.Td>)}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Box>
      <Text size="sm" c="dimmed" mt="sm">Operators and editors may be limited to parts: <span className="mono">zone/example.com</span>, <span className="mono">service/*.example.com</span>, <span className="mono">region/us-*</span>, <span className="mono">pool/web</span>. Reading is never limited. The role <span className="mono">node</span> is for joining the cluster alone and nobody logs in with it.</Text>
    </Panel>
  )
}
