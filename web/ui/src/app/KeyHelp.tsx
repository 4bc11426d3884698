import { Group, Kbd, Modal, SimpleGrid, Text } from '@mantine/core'

import { pages } from './nav'

/** All keys. */
export default function KeyHelp({ opened, close }: { opened: boolean; close: () => void }) {
  const rows: [string[], string][] = [
    [['Ctrl', 'K'], 'Go to a page or an object'], [['/'], 'Filter the list'], [['?'], 'These keys'],
    [['↑', '↓'], 'Move in a list'], [['Enter'], 'Open a row'], [['Esc'], 'Close what is open'],
    ...pages.map((p): [string[], string] => [['g', p.key], p.label]),
  ]
  return (
    <Modal opened={opened} onClose={close} title="Keys" size="lg" closeButtonProps={{ 'aria-label': 'Close' }}>
      <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="lg" verticalSpacing={8}>
        {rows.map(([keys, text]) => <Group key={text} justify="space-between" wrap="nowrap"><Text size="sm">{text}</Text><Group gap={4} wrap="nowrap">{keys.map((k) => <Kbd key={k} size="xs">{k}</Kbd>)}</Group></Group>)}
      </SimpleGrid>
    </Modal>
  )
}
