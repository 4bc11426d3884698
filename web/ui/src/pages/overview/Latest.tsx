import { Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { memo } from 'react'

import type { Schemas } from '../../api/client'
import { type LiveEvent, useLive } from '../../api/events'
import { EmptyState } from '../../shared/EmptyState'
import { Go } from '../../shared/Go'
import { count } from '../../shared/number'
import { did } from '../../shared/kinds'
import { Loaded } from '../../shared/Page'
import { Time, fullTime, spoken } from '../../shared/Time'
import { useZone } from '../../shared/prefs'
import { latestQuery } from './ask'

type Revision = Schemas['Revision']

/** Changes of one kind that a node made one after the other are told as one: the steps of a ramp would push out all else. */
export function alike(list: readonly Revision[]): { first: Revision; oldest: number; count: number }[] {
  const out: { first: Revision; oldest: number; count: number }[] = []
  for (const r of list) {
    const last = out.at(-1)
    if (last && r.actor?.startsWith('node/') && last.first.kind === r.kind && last.first.actor === r.actor && last.first.object === r.object) { last.oldest = r.revision; last.count++ } else out.push({ first: r, oldest: r.revision, count: 1 })
  }
  return out
}

/** What operators changed last, and why. */
export const Changes = memo(function Changes() {
  const revisions = useQuery(latestQuery)
  return (
    <Loaded of={revisions}>
      {({ body }) => body.items.length === 0
        ? <EmptyState title="Nothing was changed yet" command="meridian apply -f meridian.yaml">Each change of the configuration, of a zone or of a control makes a revision, with who and why, and a way back.</EmptyState>
        : (
          <Stack gap={0} component="ul" className="plainlist">
            {alike(body.items).slice(0, 8).map(({ first: r, oldest, count: times }) => (
              <li key={r.revision} className="change">
                <Text span size="xs" c="dimmed" className="num">{times > 1 ? `${oldest}–${r.revision}` : r.revision}</Text>
                <div>
                  <Text size="sm" lh={1.35}><Go to="/changes/history/$revision" params={{ revision: String(r.revision) }} c="inherit">{did(r.kind)}</Go> {r.object ? <b className="mono">{r.object}</b> : times > 1 ? `${times} times` : r.objects ? `${count(r.objects)} object${r.objects === 1 ? '' : 's'}` : ''}</Text>
                  <Text size="xs" c="dimmed" lineClamp={1}>{r.reason || 'no reason given'} · {r.actorName ?? r.actor ?? 'the cluster'}</Text>
                </div>
                <Text size="xs" c="dimmed"><Time at={r.at} /></Text>
              </li>
            ))}
          </Stack>
        )}
    </Loaded>
  )
})

const moment = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g // in a text

/** What happens, as it happens. */
export const Happenings = memo(function Happenings() {
  const events = useLive((l) => l.events)
  const [zone] = useZone()
  if (events.length === 0) return <Text size="sm" c="dimmed">Nothing has happened since this page was opened. Verdicts, controls, changes and leaders are told here as they come.</Text>
  return (
    <Stack gap={0} component="ul" className="plainlist" aria-live="polite">
      {events.slice(0, 8).map((e: LiveEvent) => (
        <li key={`${e.node}:${e.seq}`} className="change">
          <Text span size="xs" c="dimmed">{e.type}</Text>
          <Text size="sm" lh={1.35} lineClamp={2}>{spoken(e.text.replace(moment, (at) => fullTime(new Date(at), zone)))}</Text>
          <Text size="xs" c="dimmed"><Time at={e.at} /></Text>
        </li>
      ))}
    </Stack>
  )
})
