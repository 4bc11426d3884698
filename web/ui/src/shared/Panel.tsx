import { Group, Paper, type PaperProps, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'

/** A part of a page, with its name. */
export function Panel({ title, note, actions, children, className, ...rest }: { title?: ReactNode; note?: ReactNode; actions?: ReactNode; children: ReactNode; className?: string } & PaperProps) {
  return (
    <Paper withBorder component="section" className={className ?? 'panel'} {...rest}>
      {(title || actions) && (
        <Group justify="space-between" mb="sm" gap="xs">
          <Group gap="xs" align="baseline">
            {title && <Title order={2} className="paneltitle">{title}</Title>}
            {note && <Text size="xs" c="dimmed">{note}</Text>}
          </Group>
          {actions}
        </Group>
      )}
      {children}
    </Paper>
  )
}
