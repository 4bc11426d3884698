import { Group, Kbd, Modal, SimpleGrid, Text } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { useEffect } from 'react'

import { pages } from './nav'

const typing = (t: EventTarget | null) => t instanceof HTMLElement && (t.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(t.tagName))

/** Keys of the whole page: ? for help, / for the filter, g and a letter for a page. */
export function useKeys(help: () => void) {
  const navigate = useNavigate()
  useEffect(() => {
    let after = 0 // when g was pressed
    const on = (e: KeyboardEvent) => {
      if (e.ctrlKey || e.metaKey || e.altKey || typing(e.target) || document.querySelector('[aria-modal="true"]')) return
      const to = e.timeStamp - after < 1500 && pages.find((p) => p.key === e.key)
      after = 0
      if (to) {
        e.preventDefault()
        void navigate({ to: to.to })
      } else if (e.key === 'g') after = e.timeStamp
      else if (e.key === '?') help()
      else if (e.key === '/') {
        const filter = document.querySelector<HTMLInputElement>('input[data-filter]')
        if (filter) { e.preventDefault(); filter.focus(); filter.select() }
      }
    }
    window.addEventListener('keydown', on)
    return () => window.removeEventListener('keydown', on)
  }, [navigate, help])
}

export function KeyHelp({ opened, close }: { opened: boolean; close: () => void }) {
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
