import { Code, CopyButton, Group, Paper, Stack, Text, Title, UnstyledButton } from '@mantine/core'
import type { ReactNode } from 'react'

/** What stands where there is nothing yet: what it is for, and the command or the button that makes the first. */
export function EmptyState({ title, children, command, action }: { title: string; children: ReactNode; command?: string; action?: ReactNode }) {
  return (
    <Paper withBorder className="empty">
      <Stack gap="sm" maw={620}>
        <Title order={3} size="h4">{title}</Title>
        <Text size="sm" c="dimmed">{children}</Text>
        {command && <Command text={command} />}
        {action && <Group>{action}</Group>}
      </Stack>
    </Paper>
  )
}

/** A command's words, none of which is broken at its hyphens: an option is one word. */
const words = (text: string) => (text.includes('\n') ? text : text.split(/( +)/).map((w, i) => (w.trim() ? <span key={i}>{w}</span> : w)))

/** A command line; a click copies it. */
export function Command({ text }: { text: string }) {
  return (
    <CopyButton value={text}>
      {({ copied, copy }) => (
        <UnstyledButton onClick={copy} title={copied ? 'Copied' : 'Copy'} aria-label={`${copied ? 'Copied' : 'Copy'}: ${text}`}>
          <Code block className="command" data-lines={text.includes('\n') || undefined}>{words(text)}</Code>
        </UnstyledButton>
      )}
    </CopyButton>
  )
}
