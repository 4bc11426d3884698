import { Anchor, Stack, Text, Title } from '@mantine/core'
import { Link } from '@tanstack/react-router'

import { ErrorBox } from '../shared/ErrorBox'

/** What stands where there is no page, or where one broke. */
export function Lost({ error }: { error?: unknown; data?: unknown; isNotFound?: boolean }) {
  return (
    <Stack gap="sm" p="md" maw={640}>
      <Title order={1} className="pagetitle">{error ? 'This page broke' : 'There is no such page'}</Title>
      {error ? <ErrorBox error={error} /> : <Text size="sm" c="dimmed">Nothing stands at {location.pathname}.</Text>}
      <Anchor component={Link} to="/" size="sm">To the overview</Anchor>
    </Stack>
  )
}
