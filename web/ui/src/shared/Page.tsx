import { Box, Group, Stack, Text, Title } from '@mantine/core'
import { type ReactNode, useEffect } from 'react'

import { ErrorBox } from './ErrorBox'
import { Waiting } from './Waiting'

/** A page: its name, a line that says what it shows, and what one can do there. */
export function Page({ title, lead, actions, children, status }: { title: string; lead?: ReactNode; actions?: ReactNode; children: ReactNode; status?: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · Meridian`
  }, [title])
  return (
    <Stack gap="md" className="page">
      <Group justify="space-between" align="flex-start" gap="sm">
        <Box miw={0}>
          <Group gap="sm"><Title order={1} className="pagetitle">{title}</Title>{status}</Group>
          {lead && <Text size="sm" c="dimmed" mt={2}>{lead}</Text>}
        </Box>
        {actions && <Group gap="xs">{actions}</Group>}
      </Group>
      {children}
    </Stack>
  )
}

interface Asked<T> {
  data?: T
  error: unknown
  isPending: boolean
  refetch: () => unknown
}

/** What a query gave, or that it is under way, or why it failed. What was there before stays on the screen. */
export function Loaded<T>({ of, children, lines = 4 }: { of: Asked<T>; children: (data: T) => ReactNode; lines?: number }) {
  if (of.data !== undefined) return <>{children(of.data)}</>
  if (of.error) return <ErrorBox error={of.error} retry={() => void of.refetch()} />
  return <Waiting lines={lines} />
}
