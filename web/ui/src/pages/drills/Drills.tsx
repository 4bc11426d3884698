import { Anchor, Button, Group, Select, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, getRouteApi } from '@tanstack/react-router'
import { useMemo } from 'react'

import { get } from '../../api/queries'
import { CopyAs } from '../../shared/CopyAs'
import { type Column, DataTable } from '../../shared/DataTable'
import { EmptyState } from '../../shared/EmptyState'
import { Go } from '../../shared/Go'
import { Loaded, Page } from '../../shared/Page'
import { Panel } from '../../shared/Panel'
import { StatusBadge } from '../../shared/Status'
import { Time, parseDuration, span } from '../../shared/Time'
import { RunningNow } from './Clock'
import { Trend } from './Trend'
import { type Drill, type Plan, type Report, phaseOf, planText, scheduleText, trend } from './words'

const route = getRouteApi('/app/drills')

interface PlanRow { plan: Plan; last?: Drill; report?: Report }
interface Past { id: string; title: string; plan?: string; kind: string; targets: string; phase: string; code?: string; at?: string; achieved?: string; rto?: string; met?: boolean; report: boolean; actor?: string }

const plans: Column<PlanRow>[] = [
  { key: 'name', title: 'Plan', width: 'minmax(130px, 1fr)', sort: (r) => r.plan.name, text: (r) => `${r.plan.name} ${r.plan.title ?? ''}`, cell: (r) => <Go to="/drills/plans/$name" params={{ name: r.plan.name }} fw={600} className="mono">{r.plan.name}</Go> },
  { key: 'what', title: 'What it does', width: 'minmax(180px, 2fr)', text: (r) => planText(r.plan), cell: (r) => <span title={r.plan.title}>{planText(r.plan)}{r.plan.practice && <Text span size="xs" c="dimmed"> practice only</Text>}</span> },
  { key: 'when', title: 'Schedule', width: 'minmax(130px, 1.1fr)', sort: (r) => r.plan.schedule?.cron ?? '', cell: (r) => r.plan.schedule ? scheduleText(r.plan.schedule.cron) : <Text span size="sm" c="dimmed">on demand</Text> },
  { key: 'last', title: 'Last run', width: 'minmax(200px, 1.3fr)', cell: (r) => r.last ? <Group gap="0 8px" align="baseline" display="inline-flex"><StatusBadge {...phaseOf(r.last.phase)} /><Go to="/drills/$id" params={{ id: r.last.id }} size="xs"><Time at={r.last.startedAt ?? r.last.createdAt} /></Go></Group> : <Text span size="sm" c="dimmed">never</Text> },
  { key: 'rto', title: 'Recovery', width: '184px', align: 'right', cell: (r) => <Recovery achieved={r.report?.achieved} rto={r.plan.rto} met={r.report?.met} /> },
]

const past: Column<Past>[] = [
  { key: 'id', title: 'Run', width: '92px', text: (r) => r.id, cell: (r) => r.report ? <Go to="/drills/reports/$id" params={{ id: r.id }} fw={600} className="mono">{r.id}</Go> : <Go to="/drills/$id" params={{ id: r.id }} fw={600} className="mono">{r.id}</Go> },
  { key: 'kind', title: 'Kind', width: '86px', sort: (r) => r.kind, text: (r) => r.kind, cell: (r) => r.kind },
  { key: 'title', title: 'What', width: 'minmax(150px, 1.4fr)', text: (r) => `${r.title} ${r.plan ?? ''} ${r.targets}`, cell: (r) => <span title={r.targets}>{r.title}{r.targets && r.targets !== r.title && <Text span size="xs" c="dimmed" className="mono"> {r.targets}</Text>}</span> },
  { key: 'result', title: 'Result', width: 'minmax(130px, 1fr)', sort: (r) => r.phase, text: (r) => `${r.phase} ${r.code ?? ''}`, cell: (r) => <><StatusBadge {...phaseOf(r.phase)} />{r.code && <Text span size="xs" c="dimmed"> {r.code}</Text>}</> },
  { key: 'rto', title: 'Recovery', width: '184px', align: 'right', sort: (r) => (r.achieved ? parseDuration(r.achieved) : -1), cell: (r) => <Recovery {...r} /> },
  { key: 'actor', title: 'By', width: 'minmax(90px, .8fr)', text: (r) => r.actor ?? '', cell: (r) => <Text span size="sm" c="dimmed">{r.actor}</Text> },
  { key: 'at', title: 'When', width: '128px', align: 'right', sort: (r) => (r.at ? -new Date(r.at).getTime() : 0), cell: (r) => r.at ? <Time at={r.at} /> : '' },
]

/** What was achieved against what was expected. */
export function Recovery({ achieved, rto, met }: { achieved?: string; rto?: string; met?: boolean }) {
  if (!achieved) return <Text span size="sm" c="dimmed">{rto ? `expected ${span(parseDuration(rto))}` : ''}</Text>
  return <span className="num">{span(parseDuration(achieved))}{rto && <Text span size="xs" c={met === false ? 'var(--m-down-text)' : 'dimmed'}> {met === false ? 'over' : 'of'} {span(parseDuration(rto))}</Text>}</span>
}

export default function Drills() {
  const { q, plan } = route.useSearch()
  const navigate = route.useNavigate()
  const planned = useQuery(get('/drill-plans'))
  const drills = useQuery(get('/drills'))
  const reports = useQuery(get('/reports'))
  const runs = drills.data?.body.items
  const told = reports.data?.body.items
  const rows = useMemo<PlanRow[]>(() => (planned.data?.body.items ?? []).map((p) => ({ plan: p, last: runs?.find((d) => d.plan.name === p.name), report: told?.find((r) => r.plan === p.name && r.achieved) })), [planned.data, runs, told])
  const history = useMemo<Past[]>(() => {
    const known = new Set(told?.map((r) => r.id))
    return [
      ...(told ?? []).map((r): Past => ({ id: r.id, title: r.title, plan: r.plan, kind: r.kind, targets: r.targets.join(', '), phase: r.result, code: r.code, at: r.at.decided ?? r.at.ended, achieved: r.achieved, rto: r.rto, met: r.met, report: true, actor: runs?.find((d) => d.id === r.drill)?.actorName ?? r.actor })),
      ...(runs ?? []).filter((d) => d.over && !known.has(d.id)).map((d): Past => ({ id: d.id, title: d.plan.title || d.plan.name, plan: d.plan.name, kind: d.practice ? 'practice' : 'drill', targets: (d.plan.evacuate ?? []).join(', '), phase: d.phase, code: d.code, at: d.startedAt ?? d.createdAt, report: false, actor: d.actorName ?? d.actor })),
    ].filter((r) => !plan || r.plan === plan)
  }, [told, runs, plan])
  const going = runs?.filter((d) => !d.over) ?? []
  const named = [...new Set(told?.flatMap((r) => (r.plan && r.achieved ? [r.plan] : [])))].sort()
  const shown = plan ?? named[0]
  const points = told && shown ? trend(told, shown) : []
  const set = (next: { q?: string; plan?: string }) => void navigate({ search: { q, plan, ...next }, replace: true })
  return (
    <Page title="Drills" lead="Failures that are rehearsed: whom they move, how long until the last client is elsewhere, and whether that is as expected"
      actions={<>{rows.length > 0 && <Button component={Link} to="/drills/new" size="compact-sm">New drill</Button>}<CopyAs curl={{ path: '/drills' }} cli="drill list" json={drills.data?.body} /></>}>
      {going.map((d) => <RunningNow key={d.id} drill={d} />)}
      <Loaded of={planned}>
        {({ body }) => body.items.length === 0 ? (
          <EmptyState title="Find out before it happens" action={<Button component={Link} to="/drills/new" size="compact-sm">New drill</Button>} command="meridian apply -f drill.yaml">
            A drill takes a region, a provider or a pool out of answers as a failure would, waits until the TTL window has closed, holds, and brings all of it back. Its report says how long clients took to
            be elsewhere, against the recovery time that you expect. It stops by itself when something really fails.
          </EmptyState>
        ) : <Panel title="Plans" note={String(body.items.length)}><DataTable label="Drill plans" rows={rows} columns={plans} id={(r) => r.plan.name} sortBy={{ key: 'name' }} height="420px" open={(r) => void navigate({ to: '/drills/plans/$name', params: { name: r.plan.name } })} /></Panel>}
      </Loaded>
      {points.length > 1 && shown && (
        <Panel title="Recovery over time" note={`${points.length} runs`} actions={named.length > 1 || plan ? <Select size="xs" aria-label="Plan" data={named} value={shown} onChange={(v) => set({ plan: v ?? undefined })} allowDeselect={false} /> : <Text size="xs" className="mono">{shown}</Text>}>
          <Trend reports={points} />
        </Panel>
      )}
      <Loaded of={reports}>
        {() => history.length === 0 && !q && !plan ? (planned.data?.body.items.length ? <Text size="sm" c="dimmed">No drill has run yet. Real failovers have reports here too, once they are over.</Text> : null) : (
          <Panel title="History" note="drills, and real failovers">
            <Stack gap="xs">
              {plan && <Text size="sm">Only of <b className="mono">{plan}</b>. <Anchor component="button" size="sm" onClick={() => set({ plan: undefined })}>Show all</Anchor></Text>}
              <DataTable label="Drills and failovers that are over" rows={history} columns={past} id={(r) => r.id} sortBy={{ key: 'at' }} filter={{ value: q ?? '', set: (v) => set({ q: v || undefined }), placeholder: 'Plan, target, result' }}
                open={(r) => void (r.report ? navigate({ to: '/drills/reports/$id', params: { id: r.id } }) : navigate({ to: '/drills/$id', params: { id: r.id } }))} />
            </Stack>
          </Panel>
        )}
      </Loaded>
    </Page>
  )
}
