import { Skeleton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { memo, useCallback, useMemo } from 'react'

import type { Schemas } from '../../api/client'
import { useCluster, useStale } from '../../api/guard'
import { serviceName } from '../../api/names'
import { get } from '../../api/queries'
import { groupBy, poolsOf, standing } from '../../api/standing'
import { Sparkline } from '../../shared/chart'
import { CopyAs } from '../../shared/CopyAs'
import { ErrorBox } from '../../shared/ErrorBox'
import { Page } from '../../shared/Page'
import { Panel } from '../../shared/Panel'
import { colors } from '../../shared/map/colors'
import { count } from '../../shared/number'
import { ShareBar, percent } from '../../shared/Share'
import { type State, StateIcon, stateWord } from '../../shared/Status'
import { parseDuration, span } from '../../shared/Time'
import { total } from '../../shared/traffic'
import WorldMap from '../../shared/map/WorldMap'
import { RunningNow } from '../drills/Clock'
import { First } from './First'
import { Changes, Happenings } from './Latest'
import { type RegionRow, Regions } from './Regions'
import { Wrong, useTroubles } from './Wrong'
import { markers, movingRegions, useAnswers, useArcs, useRegionColors, useShade } from './world'

const nowhere: Schemas['RegionPoint'][] = []

export default function Overview() {
  const regions = useQuery(get('/regions'))
  const services = useQuery(get('/services'))
  const pools = useQuery(get('/pools'))
  const templates = useQuery(get('/templates'))
  const points = useQuery(get('/geo/points')).data?.body.items ?? nowhere
  const health = useQuery(get('/pool-health'))
  const controls = useQuery(get('/controls'))
  const answers = useAnswers()
  const troubles = useTroubles()
  const running = useQuery(get('/drills')).data?.body.items.filter((d) => !d.over) ?? []
  const old = useStale() !== undefined
  const groups = health.data?.body.items
  const color = useRegionColors((regions.data?.body.items ?? []).map((r) => r.name))
  const shares = useMemo(() => new Map(answers.data?.body.regions.map((r) => [r.region, r.probability])), [answers.data])
  const regionOf = useMemo(() => new Map(pools.data?.body.items.flatMap((p) => p.endpoints.map((e) => [`endpoint/${p.name}/${e.name}`, e.region || p.region || '']))), [pools.data])
  const standings = useMemo(() => groupBy(groups ?? [], (g) => g.region), [groups])
  const partly = useMemo(() => movingRegions(controls.data?.body.items ?? []), [controls.data])
  const shade = useShade(answers.data?.body, color)
  const arcs = useArcs(answers.data?.body, points, regionOf)
  const rows = useMemo<RegionRow[]>(() => {
    const trees = new Map<string, unknown>(templates.data?.body.items.map((t) => [t.name, t.steer]))
    const regionsOfPool = new Map(pools.data?.body.items.map((p) => [p.name, new Set([p.region, ...p.endpoints.map((e) => e.region)].filter(Boolean))]))
    const uses = (services.data?.body.items ?? []).map((s) => ({ name: serviceName(s), regions: new Set([...poolsOf(s.steer, trees)].flatMap((p) => [...(regionsOfPool.get(p) ?? [])])) }))
    return (regions.data?.body.items ?? []).map((region) => ({
      region, standing: standings.get(region.name), share: shares.get(region.name) ?? 0, color: color(region.name),
      moving: partly.get(region.name),
      control: controls.data?.body.items.find((c) => c.target === `region/${region.name}`),
      services: uses.filter((u) => u.regions.has(region.name)).map((u) => u.name),
    }))
  }, [regions.data, services.data, pools.data, templates.data, standings, shares, color, controls.data, partly])
  const marks = useMemo(() => markers(points, standings, shares, color, partly), [points, standings, shares, color, partly])
  const navigate = useNavigate()
  const open = useCallback((region: string) => void navigate({ to: '/health', search: { q: region } }), [navigate])
  const failed = [regions, services, health].find((q) => q.error && !q.data)
  if (failed) return <Page title="Overview"><ErrorBox error={failed.error} retry={() => void failed.refetch()} /></Page>
  if (regions.data && services.data && regions.data.body.items.length === 0 && services.data.body.items.length === 0) return <Page title="Overview"><First /></Page>
  if (!regions.data || !services.data || !pools.data || !health.data || !controls.data) return <Page title="Overview"><Skeleton height={64} aria-busy="true" aria-label="Loading" /><Skeleton height={420} /></Page>
  const top = [...shares].sort((a, b) => b[1] - a[1])
  const many = top.length > 2 * colors // a bar of that many says nothing, nor do colours that many have
  const body = answers.data?.body
  return (
    <Page title="Overview" lead={arcs.length > 0 ? 'Clients are moving: the arcs stay until the last resolver has forgotten what it was told.' : 'Which region answers each country now, and all that is not as it should be.'}
      actions={<CopyAs curl={{ path: '/answers' }} cli="get health" json={body} />}>
      {running.map((d) => <RunningNow key={d.id} drill={d} />)}
      <Counters groups={groups} services={services.data?.body.items.length} />
      <div className="overview">
        <div>
          <Panel title="Who answers the world" note={body && `${body.leftOut ? `${count(body.services)} of ${count(body.services + body.leftOut)} services` : `${count(body.services)} service${body.services === 1 ? '' : 's'}`}, by addresses of each country${body.leftOut ? '; the others are too many to add up' : ''}`}>
            {answers.error && !body && <ErrorBox error={answers.error} retry={() => void answers.refetch()} />}
            <WorldMap label="World map: each country in the colour of the region that answers it. The table of regions below says the same."
              shade={shade} markers={marks} arcs={arcs} open={open} />
            {body && !many && <ShareBar label="Shares of the world" parts={top.map(([name, share]) => ({ name: name || 'no region', share, color: color(name) }))} />}
            <div className="legend">
              {many && <span>The largest of {count(top.length)}:</span>}
              {top.slice(0, many ? 8 : 12).map(([name, share]) => <span key={name}>{!many && <i className="swatch" style={{ background: color(name) }} />}<b className="mono">{name || 'no region'}</b><span className="num">{percent(share)}</span></span>)}
              {top.length > 12 && !many && <span>and {top.length - 12} more</span>}
              {body && body.services === 0 && (services.data?.body.items.length ?? 0) > 0 && <span>This node is still working out what it answers by the newest configuration.</span>}
              {body && body.services > 0 && body.nothing > 0 && <span><i className="swatch" style={{ background: 'var(--m-down)' }} />no answer {percent(body.nothing)}</span>}
            </div>
          </Panel>
          <Regions rows={rows} />
          <Panel title="As it happens"><Happenings /></Panel>
        </div>
        <div>
          <Panel className="panel first" title="What is wrong" note={[troubles?.length ? count(troubles.length) : '', old ? 'as last heard' : ''].filter(Boolean).join(', ')}>{troubles ? <Wrong troubles={troubles} old={old} /> : <Skeleton height={60} />}</Panel>
          <Panel title="Latest changes"><Changes /></Panel>
        </div>
      </div>
    </Page>
  )
}

const Counters = memo(function Counters({ groups, services }: { groups?: Parameters<typeof standing>[0]; services?: number }) {
  const cluster = useCluster().data?.body
  const s = groups && standing(groups)
  const counter = (state: State) => <Counter key={state} value={s?.count[state]} label={<><StateIcon state={state} size={11} />{stateWord[state]}</>} />
  const stats = useQuery({ ...get('/stats'), refetchInterval: 5_000 }).data?.body
  const voters = cluster?.members.filter((m) => m.voter) ?? []
  return (
    <div className="counters">
      <div className="counter" data-wide><b>{stats ? rate(stats.queries) : '–'}</b><small>queries a second</small>{stats && <Sparkline values={total(stats)} label="Queries a second in the last 10 minutes" width={100} height={24} />}</div>
      {(['up', 'degraded', 'down', 'drained', 'unknown'] as const).map(counter)}
      <Counter value={services} label={`service${services === 1 ? '' : 's'}${stats?.services.short ? `, ${count(stats.services.short)} short` : ''}`} />
      <Counter value={cluster && `${voters.filter((m) => m.reachable).length}/${voters.length}`} label={cluster?.leader ? <>leader <span className="mono">{cluster.leader}</span></> : 'no leader'} />
      <Counter value={cluster && span(parseDuration(cluster.stateAge))} label="age of state" plain />
    </div>
  )
})

/** A rate of a second with no more digits than mean something. */
function rate(v: number): string {
  return v < 10 ? v.toFixed(1).replace(/\.0$/, '') : Math.round(v).toLocaleString('en')
}

function Counter({ value, label, plain }: { value?: number | string; label: React.ReactNode; plain?: boolean }) {
  return <div className="counter" data-zero={value === 0 || plain ? true : undefined}><b>{typeof value === 'number' ? count(value) : value ?? '–'}</b><small>{label}</small></div>
}
