import { Alert, Button, Code, List, Text } from '@mantine/core'
import IconAlertTriangle from '@tabler/icons-react/dist/esm/icons/IconAlertTriangle.mjs'

import { problemOf } from '../api/problem'

/** A refusal, with every mistake and where it is; and a way to try again. */
export function ErrorBox({ error, retry, title }: { error: unknown; retry?: () => void; title?: string }) {
  if (!error) return null
  const p = problemOf(error)
  return (
    <Alert color="red" variant="light" icon={<IconAlertTriangle size={18} />} title={title ?? p.title} role="alert" data-kind={p.kind}>
      <Text size="sm">{p.detail}</Text>
      {p.problems && p.problems.length > 0 && (
        <List size="sm" mt={6} spacing={4}>
          {p.problems.slice(0, 50).map((m, i) => (
            <List.Item key={i}>
              {m.pointer && <Code mr={6}>{m.pointer}</Code>}
              {m.line ? <Text span size="sm" c="dimmed">line {m.line}{m.column ? `, column ${m.column}` : ''}: </Text> : null}
              {m.message}
            </List.Item>
          ))}
          {p.problems.length > 50 && <List.Item>and {p.problems.length - 50} more</List.Item>}
        </List>
      )}
      {p.kind === 'stale' && <Text size="sm" mt={6}>Somebody changed it meanwhile. The page shows it as it is now; look, and do it again if you still mean it.</Text>}
      {retry && <Button size="compact-sm" variant="default" mt="sm" onClick={retry}>Try again</Button>}
    </Alert>
  )
}
