import { Group, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'

import { get } from '../../api/queries'
import type { EndpointHealth } from '../../api/standing'
import { DrainAction, LiftAction } from '../../shared/Drain'
import { Panel } from '../../shared/Panel'
import { StateIcon } from '../../shared/Status'
import { Time } from '../../shared/Time'

const windowWord = { publishing: 'nodes still follow', draining: 'TTL window draining', drained: 'TTL window drained', incomplete: 'not every node can be asked' }

/** What operators force on a service's endpoints, and for how long. */
export function Controls({ endpoints, service }: { endpoints: readonly EndpointHealth[]; service: string }) {
  const items = useQuery(get('/controls')).data?.body.items
  const ids = new Set(endpoints.flatMap((e) => e.controls ?? []))
  const own = (items ?? []).filter((c) => ids.has(c.id) || c.target === `service/${service}`)
  const regions = [...new Set(endpoints.map((e) => e.region).filter(Boolean))].sort()
  return (
    <Panel title="Controls" note={own.length ? String(own.length) : undefined}>
      {items && own.length === 0 && <Text size="sm" c="dimmed">Nothing is forced: it is answered as health and steering say.</Text>}
      <Stack gap={0} component="ul" className="plainlist">
        {own.map((c) => (
          <li key={c.id} className="trouble">
            <StateIcon state={c.action === 'force-up' ? 'up' : c.action === 'force-down' ? 'down' : 'drained'} size={13} />
            <div>
              <Text size="sm"><b className="mono">{c.target}</b> {c.action}{c.kept !== undefined && c.action === 'share' ? ` ${c.kept} %` : ''}, {c.phase.replace('-', ' ')}, {windowWord[c.window.state]}{c.window.closesAt && c.window.state === 'draining' && <>, closes <Time at={c.window.closesAt} /></>}</Text>
              <Text size="xs" c="dimmed">{c.reason} · {c.actor} · <Time at={c.createdAt} />{c.expiresAt && <> · lifts itself <Time at={c.expiresAt} /></>}</Text>
              {c.problem && <Text size="xs" c="var(--m-down-text)">{c.problem}</Text>}
            </div>
            <LiftAction id={c.id} what={c.target} />
          </li>
        ))}
      </Stack>
      {regions.length > 0 && regions.length <= 12 && (
        <Group gap="sm" mt="sm">
          <Text size="xs" c="dimmed">Drain a region:</Text>
          {regions.map((r) => <Group key={r} gap={6}><Text size="sm" className="mono">{r}</Text><DrainAction target={`region/${r}`} services={[service]} /></Group>)}
        </Group>
      )}
    </Panel>
  )
}
