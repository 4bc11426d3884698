import { Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'

import { type LiveEvent, useLive } from '../../api/events'
import { get } from '../../api/queries'
import { EmptyState } from '../../shared/EmptyState'
import { Loaded } from '../../shared/Page'
import { Time } from '../../shared/Time'

/** What operators changed last, and why. */
export function Changes() {
  const revisions = useQuery(get('/revisions', { params: { query: { limit: 8 } } }))
  return (
    <Loaded of={revisions}>
      {({ body }) => body.items.length === 0
        ? <EmptyState title="Nothing was changed yet" command="meridian apply meridian.yaml">Each change of the configuration, of a zone or of a control makes a revision, with who and why, and a way back.</EmptyState>
        : (
          <Stack gap={0} component="ul" className="plainlist">
            {body.items.map((r) => (
              <li key={r.revision} className="change">
                <Text span size="xs" c="dimmed" className="num">{r.revision}</Text>
                <div>
                  <Text size="sm" lh={1.35}><span className="mono">{r.kind}</span> {r.object ? <b className="mono">{r.object}</b> : r.objects ? `${r.objects} objects` : ''}</Text>
                  <Text size="xs" c="dimmed" lineClamp={1}>{r.reason || 'no reason given'} · {r.actorName ?? r.actor ?? 'the cluster'}</Text>
                </div>
                <Text size="xs" c="dimmed"><Time at={r.at} /></Text>
              </li>
            ))}
          </Stack>
        )}
    </Loaded>
  )
}

/** What happens, as it happens. */
export function Happenings() {
  const { events } = useLive()
  if (events.length === 0) return <Text size="sm" c="dimmed">Nothing has happened since this page was opened. Verdicts, controls, changes and leaders are told here as they come.</Text>
  return (
    <Stack gap={0} component="ul" className="plainlist" aria-live="polite">
      {events.slice(0, 8).map((e: LiveEvent) => (
        <li key={`${e.node}:${e.seq}`} className="change">
          <Text span size="xs" c="dimmed">{e.type}</Text>
          <Text size="sm" lh={1.35} lineClamp={2}>{e.text}</Text>
          <Text size="xs" c="dimmed"><Time at={e.at} /></Text>
        </li>
      ))}
    </Stack>
  )
}
