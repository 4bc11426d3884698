import { Group, Text } from '@mantine/core'
import { memo, useMemo, useState } from 'react'

import type { Schemas } from '../../api/client'
import type { Standing } from '../../api/standing'
import { type Column, DataTable } from '../../shared/DataTable'
import { DrainAction, LiftAction } from '../../shared/Drain'
import { colors } from '../../shared/map/colors'
import { percent } from '../../shared/Share'
import { StatusBadge, urgency } from '../../shared/Status'
import { Time } from '../../shared/Time'
import { Go } from '../../shared/Go'
import { movingText } from './world'

const small = { size: 'compact-xs' } as const

export interface RegionRow {
  region: Schemas['Region']
  standing?: Standing
  share: number
  control?: Schemas['Control']
  moving?: Schemas['Control'] // on its way out or back
  services: string[]
  color: string
}

/** Each region in words and numbers: what the map shows, for who does not see it. */
export const Regions = memo(function Regions({ rows }: { rows: RegionRow[] }) {
  const [q, setQ] = useState('')
  const many = rows.length > 2 * colors
  const columns = useMemo<Column<RegionRow>[]>(() => [
    { key: 'region', title: 'Region', width: 'minmax(140px, 1.4fr)', sort: (r) => r.region.name, text: (r) => `${r.region.name} ${r.region.provider ?? ''}`,
      cell: (r) => <Group gap={8} wrap="nowrap" component="span" display="inline-flex"><i className="swatch" style={{ background: r.share > 0 ? r.color : 'transparent', border: r.share > 0 ? undefined : '1px solid var(--m-line)' }} /><Go to="/health" search={{ q: r.region.name }} size="sm" fw={600} className="mono">{r.region.name}</Go></Group> },
    { key: 'state', title: 'State', width: 'minmax(104px, 1fr)', sort: (r) => (r.standing ? urgency[r.standing.state] : 9), cell: (r) => r.moving ? <StatusBadge state="drained" word={movingText(r.moving)} /> : r.standing ? <StatusBadge state={r.standing.state} /> : <Text span size="sm" c="dimmed">no endpoints</Text> },
    { key: 'since', title: 'Since', width: '116px', cell: (r) => r.control ? <Time at={r.control.startsAt ?? r.control.createdAt} /> : r.standing?.since ? <Time at={r.standing.since} /> : '' },
    { key: 'endpoints', title: 'Endpoints', width: '86px', align: 'right', sort: (r) => (r.standing ? r.standing.up / r.standing.all : -1), cell: (r) => r.standing ? <span className="num">{r.standing.up}/{r.standing.all}</span> : '' },
    { key: 'share', title: 'Of the world', width: many ? '104px' : 'minmax(98px, 1fr)', sort: (r) => -r.share,
      cell: (r) => <Group gap={8} wrap="nowrap"><span className="num sharecell">{percent(r.share)}</span>{!many && <span className="bar-track sharebar" aria-hidden="true"><i style={{ width: `${r.share * 100}%`, background: r.color }} /></span>}</Group> },
    { key: 'provider', title: 'Provider', width: 'minmax(70px, .9fr)', sort: (r) => r.region.provider ?? '', cell: (r) => <span title={r.region.provider}>{r.region.provider}</span> },
    { key: 'act', title: '', width: '70px', align: 'right', cell: (r) => r.control
      ? <LiftAction id={r.control.id} what={r.control.target} button={small} />
      : <DrainAction target={`region/${r.region.name}`} services={r.services} button={small} /> },
  ], [many])
  return <DataTable label="Regions" rows={rows} columns={columns} id={(r) => r.region.name} none="There are no regions." height="420px"
    {...(rows.length > 12 ? { sortBy: { key: 'state' }, filter: { value: q, set: setQ, placeholder: 'Region, provider' } } : {})} />
})
