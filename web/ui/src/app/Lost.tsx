import { Button, Stack, Text, Title } from '@mantine/core'

import { ErrorBox } from '../shared/ErrorBox'
import { Go } from '../shared/Go'

/** What stands where there is no page, or where one broke. */
export function Lost({ error }: { error?: unknown; data?: unknown; isNotFound?: boolean }) {
  const away = error instanceof TypeError && /module/i.test(error.message) // as browsers say that a file of the page could not be had
  return (
    <Stack gap="sm" className="page">
      <Title order={1} className="pagetitle">{away ? 'This page could not be loaded' : error ? 'This page broke' : 'There is no such page'}</Title>
      {away ? <><Text size="sm">The node does not answer, or has another version than when this page was opened.</Text><Button variant="default" w="fit-content" onClick={() => location.reload()}>Load it anew</Button></> : error ? <ErrorBox error={error} /> : <Text size="sm" c="dimmed">Nothing stands at {location.pathname}.</Text>}
      <Go to="/" size="sm">To the overview</Go>
    </Stack>
  )
}
