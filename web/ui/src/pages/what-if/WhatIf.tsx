import { Alert, Box, Button, SegmentedControl, Skeleton, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, getRouteApi } from '@tanstack/react-router'
import { useMemo } from 'react'

import type { Explained } from '../../api/explain'
import { serviceName } from '../../api/names'
import { get } from '../../api/queries'
import { groupBy, poolsOf } from '../../api/standing'
import { clientText } from '../../shared/ClientSelect'
import { CopyAs, shell } from '../../shared/CopyAs'
import { EffectTable } from '../../shared/Effect'
import { EmptyState } from '../../shared/EmptyState'
import { ErrorBox } from '../../shared/ErrorBox'
import { Go } from '../../shared/Go'
import { Page } from '../../shared/Page'
import { Panel } from '../../shared/Panel'
import { Pipeline } from '../../shared/Pipeline'
import { ShareBar, percent } from '../../shared/Share'
import { WorldMap } from '../../shared/map'
import { readTree } from '../../shared/steering'
import { markers, useRegionColors, useShade } from '../overview/world'
import { useEndpoints, usePoolHealth, useTemplates } from '../services/uses'
import { Answer, Reasons, Standings } from './Answer'
import { Ask } from './Ask'
import { assumptionText, serviceOf } from './assume'
import type { Question, Show } from './route'
import css from './WhatIf.module.css'

const route = getRouteApi('/app/what-if')

export default function WhatIf() {
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const services = useQuery(get('/services'))
  const zones = useQuery(get('/zones')).data?.body.items
  const list = services.data?.body.items
  const first = list?.map(serviceName).find((n) => n && !n.startsWith('*'))
  const name = search.name ?? first ?? zones?.[0]?.name ?? ''
  const client = search.client ?? 'country/US'
  const set = (q: Partial<Question>) => void navigate({ search: (old) => ({ ...old, ...q }), replace: true })
  if (services.error && !list) return <Page title="What-if"><ErrorBox error={services.error} retry={() => void services.refetch()} /></Page>
  if (list && zones && !name) {
    return (
      <Page title="What-if" lead="What a client would be answered, and why">
        <EmptyState title="There is nothing to ask for yet" command="meridian explain www.example.com --client 91.10.0.1" action={<Button component={Link} to={list.length > 0 ? '/zones' : '/services'} size="compact-sm">{list.length > 0 ? 'To the zones' : 'To the services'}</Button>}>
          Here you ask what a client is answered, why, and what it would be if a region failed or a draft were published. It takes a zone, and a service that steers a name in it.
        </EmptyState>
      </Page>
    )
  }
  const query = new URLSearchParams([['name', name], ...(search.type ? [['type', search.type]] : []), ['client', client], ...(search.assume ?? []).map((a) => ['assume', a])])
  return (
    <Page title="What-if" lead="What a client would be answered, and why"
      actions={<CopyAs curl={{ path: `/explain?${query}` }} cli={`explain ${shell(name)} ${search.type ?? 'A'} --client ${shell(client)}${(search.assume ?? []).map((a) => ` --assume ${shell(a)}`).join('')}`} />}>
      <Ask asked={{ ...search, name, client }} set={set} />
      {name && list ? <Told q={search} name={name} client={client} service={serviceOf(name, list)} set={set} /> : <Skeleton height={220} />}
    </Page>
  )
}

type Service = NonNullable<ReturnType<typeof serviceOf>>

function Told({ q, name, client, service, set }: { q: Question; name: string; client: string; service?: Service; set: (q: Partial<Question>) => void }) {
  const templates = useTemplates()
  const pools = useMemo(() => (service ? [...poolsOf({ ...service.steer, lastResort: service.lastResort }, templates)] : []), [service, templates])
  const { byPool } = useEndpoints(pools)
  const assume = q.assume ?? []
  const ask = (assumed: string[]) => ({ ...get('/explain', { params: { query: { name, client, ...(q.type ? { type: q.type } : {}), ...(assumed.length ? { assume: assumed } : {}) } } }), retry: false as const })
  const now = useQuery(ask([]))
  const then = useQuery({ ...ask(assume), enabled: assume.length > 0 })
  const x = now.data?.body as Explained | undefined
  const y = assume.length > 0 ? then.data?.body as Explained | undefined : undefined
  const shown = y ?? x
  const tree = useMemo(() => service && readTree(service.steer, templates), [service, templates])
  return (
    <>
      {q.draft && (
        <Alert color="blue" variant="light" p="xs">
          <Text size="sm">The map and the moves below are as if <b className="mono">{q.draft}</b> were published. The answer of one client is explained by what is published{assume.length > 0 ? ' and by what is assumed' : ''}.</Text>
        </Alert>
      )}
      <Panel title={<>{clientText(client)} asks for <span className="mono">{name}</span> {q.type ?? 'A'}</>}
        note={service && <Go to="/services/$name" params={{ name: serviceName(service) }} size="xs">service {serviceName(service)}</Go>}>
        <ErrorBox error={now.error ?? (assume.length > 0 ? then.error : undefined)} />
        <div className={css.two}>
          {x ? <Answer title="Now" x={x} /> : !now.error && <Skeleton height={96} />}
          {assume.length > 0 && (y ? <Answer title={`If ${assume.length === 1 ? assumptionText(assume[0]!) : `all ${assume.length} assumptions hold`}`} x={y} other={x} /> : !then.error && <Skeleton height={96} />)}
        </div>
      </Panel>
      {shown && (
        <Panel title="Why" note={y ? 'with what is assumed; what only then is a reason stands out' : undefined}>
          {tree && <Pipeline tree={tree} explained={shown} endpoints={byPool} />}
          <div className={css.told}>
            <Reasons x={shown} other={y && x} />
            <Standings x={shown} />
          </div>
        </Panel>
      )}
      {service
        ? <World q={q} name={serviceName(service)} set={set} />
        : <Panel title="The world"><Text size="sm" c="dimmed">No service steers this name, so all clients get the same answer and there is no map to colour.</Text></Panel>}
    </>
  )
}

/** The whole world by the region that answers it: now, then, or only where the two differ. */
function World({ q, name, set }: { q: Question; name: string; set: (q: Partial<Question>) => void }) {
  const changed = (q.assume?.length ?? 0) > 0 || !!q.draft
  const base = { service: name, ...(q.type ? { type: q.type } : {}) }
  const now = useQuery({ ...get('/answers', { params: { query: base } }), retry: false, placeholderData: (old) => old })
  const then = useQuery({ ...get('/answers', { params: { query: { ...base, ...(q.assume ? { assume: q.assume } : {}), ...(q.draft ? { draft: q.draft } : {}) } } }), retry: false, enabled: changed, placeholderData: (old) => old })
  const regions = useQuery(get('/regions')).data?.body.items ?? []
  const points = useQuery(get('/geo/points')).data?.body.items ?? []
  const groups = usePoolHealth()
  const show: Show = changed ? q.show ?? 'then' : 'now'
  const body = show === 'now' ? now.data?.body : then.data?.body
  const used = [...new Set([...(now.data?.body.regions ?? []), ...(changed ? then.data?.body.regions ?? [] : [])].map((r) => r.region))] // so that a region keeps its colour
  const color = useRegionColors(regions.map((r) => r.name), used)
  const all = useShade(body, color)
  const effect = changed ? then.data?.body.difference : undefined
  const moved = useMemo(() => new Set(effect?.moves.map((m) => m.country)), [effect])
  const shade = useMemo(() => (show === 'moved' ? (c: string) => (moved.has(c) ? all?.(c) : undefined) : all), [show, moved, all])
  const shares = useMemo(() => new Map(body?.regions.map((r) => [r.region, r.probability])), [body])
  const before = new Map(now.data?.body.regions.map((r) => [r.region, r.probability]))
  const standings = useMemo(() => groupBy(groups ?? [], (g) => g.region), [groups])
  const names = [...new Set([...shares.keys(), ...(changed ? before.keys() : [])])].sort((a, b) => (shares.get(b) ?? 0) - (shares.get(a) ?? 0))
  const error = changed ? then.error ?? now.error : now.error
  return (
    <Panel title="The world" note="by addresses of each country; click a country to ask as its clients do"
      actions={changed && <SegmentedControl size="xs" aria-label="What the map shows" value={show} onChange={(v) => set({ show: v === 'then' ? undefined : v as Show })} data={[{ value: 'now', label: 'Now' }, { value: 'then', label: 'Then' }, { value: 'moved', label: 'Only what moves' }]} />}>
      <ErrorBox error={error} />
      {!body && !error && <Skeleton height={260} />}
      {body && (
        <div className={css.map}>
          <WorldMap label={`World map: the region that answers ${name} in each country. The shares beside it say the same.`} shade={shade}
            markers={markers(points.filter((p) => shares.has(p.region) || before.has(p.region)), standings, shares, color)} pick={(c) => { if (c) set({ client: `country/${c}` }) }} />
          <div>
            <ShareBar label="Shares of the world" parts={names.map((r) => ({ name: r || 'no region', share: shares.get(r) ?? 0, color: color(r) }))} />
            <table className="shares"><tbody>
              {names.slice(0, 12).map((r) => {
                const by = changed && show !== 'now' ? (shares.get(r) ?? 0) - (before.get(r) ?? 0) : 0
                return (
                  <tr key={r}>
                    <td><i className="swatch" style={{ background: color(r) }} /></td><th scope="row" className="mono">{r || 'no region'}</th>
                    <td className="num">{percent(shares.get(r) ?? 0)}{Math.abs(by) > 0.0005 && <Text span size="xs" c="dimmed"> {by > 0 ? '+' : '−'}{percent(Math.abs(by))}</Text>}</td>
                  </tr>
                )
              })}
              {body.nothing > 0 && <tr><td><i className="swatch" style={{ background: 'var(--m-down)' }} /></td><th scope="row">no answer</th><td className="num">{percent(body.nothing)}</td></tr>}
            </tbody></table>
          </div>
        </div>
      )}
      {changed && effect && <Box mt="md"><EffectTable effect={effect} rows={10} /></Box>}
      {changed && then.data && !effect && <Text size="sm" mt="md">No client gets another answer.</Text>}
    </Panel>
  )
}
