import { Stack, Text, Title } from '@mantine/core'

import { ErrorBox } from '../shared/ErrorBox'
import { Go } from '../shared/Go'

/** What stands where there is no page, or where one broke. */
export function Lost({ error }: { error?: unknown; data?: unknown; isNotFound?: boolean }) {
  return (
    <Stack gap="sm" p="md" maw={640}>
      <Title order={1} className="pagetitle">{error ? 'This page broke' : 'There is no such page'}</Title>
      {error ? <ErrorBox error={error} /> : <Text size="sm" c="dimmed">Nothing stands at {location.pathname}.</Text>}
      <Go to="/" size="sm">To the overview</Go>
    </Stack>
  )
}
