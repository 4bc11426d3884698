import { Code, CopyButton, Group, Paper, Stack, Text, Title, UnstyledButton } from '@mantine/core'
import type { ReactNode } from 'react'

/** What stands where there is nothing yet: what it is for, and the command or the button that makes the first. */
export function EmptyState({ title, children, command, action }: { title: string; children: ReactNode; command?: string; action?: ReactNode }) {
  return (
    <Paper withBorder p="xl" className="empty">
      <Stack gap="sm" maw={620}>
        <Title order={3} size="h4">{title}</Title>
        <Text size="sm" c="dimmed">{children}</Text>
        {command && <Command text={command} />}
        {action && <Group>{action}</Group>}
      </Stack>
    </Paper>
  )
}

/** A command line; a click copies it. */
export function Command({ text }: { text: string }) {
  return (
    <CopyButton value={text}>
      {({ copied, copy }) => (
        <UnstyledButton onClick={copy} title={copied ? 'Copied' : 'Copy'} aria-label={`${copied ? 'Copied' : 'Copy'}: ${text}`}>
          <Code block className="command">{text}</Code>
        </UnstyledButton>
      )}
    </CopyButton>
  )
}
