import { Group, Skeleton, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { type ReactNode, useMemo } from 'react'

import type { Schemas } from '../../api/client'
import type { Explained } from '../../api/explain'
import { get } from '../../api/queries'
import { groupBy, poolsOf, standing } from '../../api/standing'
import { ClientSelect, clientText } from '../../shared/ClientSelect'
import { CopyAs, shell } from '../../shared/CopyAs'
import { countryName } from '../../shared/Effect'
import { ErrorBox } from '../../shared/ErrorBox'
import { Loaded, Page } from '../../shared/Page'
import { Panel } from '../../shared/Panel'
import { Pipeline } from '../../shared/Pipeline'
import { count } from '../../shared/number'
import { told } from '../../shared/reasons'
import { ShareBar, percent } from '../../shared/Share'
import { StatusBadge } from '../../shared/Status'
import { WorldMap } from '../../shared/map'
import { readTree } from '../../shared/steering'
import { markers, mostly, useAnswers, useRegionColors, useShade } from '../overview/world'
import { Controls } from './Controls'
import { Endpoints } from './Endpoints'
import { History } from './History'
import { WeightsButton, weighable } from './Weights'
import { ttlText, useEndpoints, usePoolHealth, useTemplates } from './uses'
import { Go } from '../../shared/Go'

const route = getRouteApi('/app/services/$name')

export default function ServicePage() {
  const { name } = route.useParams()
  const service = useQuery(get('/services/{name}', { params: { path: { name } } }))
  return (
    <>
      {service.data ? <Service service={service.data.body} name={name} /> : <Page title={name}><Loaded of={service} lines={8}>{() => null}</Loaded></Page>}
    </>
  )
}

function Service({ service, name }: { service: Schemas['Service']; name: string }) {
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const groups = usePoolHealth()
  const templates = useTemplates()
  const answers = useAnswers(name)
  const body = answers.data?.body
  const pools = useMemo(() => [...poolsOf({ ...service.steer, lastResort: service.lastResort }, templates)], [service, templates])
  const s = useMemo(() => standing((groups ?? []).filter((g) => pools.includes(g.pool))), [pools, groups])
  const { list, byPool } = useEndpoints(pools)
  const tree = useMemo(() => readTree(service.steer, templates), [service, templates])
  const client = search.client ?? `country/${body?.countries[0]?.country || 'US'}`
  const asked = name.replace(/^\*/, 'any') // a wildcard is asked for by a name that it is for
  const explain = useQuery({ ...get('/explain', { params: { query: { name: asked, client } } }), placeholderData: (old) => old })
  const x = explain.data?.body as Explained | undefined
  return (
    <Page title={name} status={s.all > 0 && <StatusBadge state={s.state} word={`${count(s.up)}/${count(s.all)} healthy`} />}
      lead={service.names && service.names.length > 0 ? `Also ${service.names.filter((n) => n !== name).slice(0, 8).join(', ')}` : undefined}
      actions={<CopyAs curl={{ path: `/services/${encodeURIComponent(name)}` }} cli={`get service ${shell(name)} -o yaml`} json={service} />}>
      <Facts service={service} ttl={x?.ttl} s={groups && s} />
      <Panel title="How a client is answered" actions={<ClientSelect value={client} set={(c) => void navigate({ search: { ...search, client: c }, replace: true })} label="" />}>
        {explain.error && !x ? <ErrorBox error={explain.error} /> : null}
        <div className="how">
        <Pipeline tree={tree} explained={x} endpoints={byPool} action={(node) => {
          const subject = weighable(name, node, node.pool ? byPool.get(node.pool)?.length ?? 0 : node.children.length)
          return subject && <WeightsButton subject={subject} />
        }} />
        {x && <Outcome x={x} client={client} name={asked} />}
        </div>
      </Panel>
      <Live name={name} answers={answers} />
      {list.length > 0 && <History endpoints={list} all={s.all} over={search.over ?? '24h'} set={(over) => void navigate({ search: { ...search, over }, replace: true })} />}
      {s.all > list.length && list.length > 0 && <Text size="sm" c="dimmed">The first {count(list.length)} of its {count(s.all)} endpoints; Health has them all.</Text>}
      {groups && (s.all === 0 || list.length > 0) ? <>
        <Endpoints endpoints={list} shares={new Map(body?.endpoints?.map((e) => [e.endpoint ?? '', e.probability]))} service={name} />
        <Controls endpoints={list} service={name} />
      </> : <Skeleton height={180} aria-busy="true" aria-label="Loading" />}
    </Page>
  )
}

function Outcome({ x, client, name }: { x: Explained; client: string; name: string }) {
  return (
    <div className="outcome">
      <Text size="sm"><b>{clientText(client)}</b> is answered{x.distribution.length === 0 && <b> nothing</b>}</Text>
      <table className="shares"><tbody>
        {x.distribution.slice(0, 8).map((d, i) => <tr key={i}><th scope="row" className="mono">{d.answers.join(' ')}</th><td className="mono">{d.regions?.join(', ')}</td><td className="num">{percent(d.probability)}</td></tr>)}
      </tbody></table>
      {x.distribution.length > 8 && <Text size="xs" c="dimmed">and {x.distribution.length - 8} more</Text>}
      <Text size="xs" c="dimmed" mt={8}>For {x.ttl} s. {x.place?.located ? `Taken to be in ${countryName(x.place.country ?? '')}${x.place.city ? `, ${x.place.city}` : ''}, on the word of ${x.place.source}.` : 'Where the client is, is not known.'} {x.tier && `From ${x.tier}.`}</Text>
      <details className="reasons"><summary>All {x.reasons.length} reasons</summary><ol>{told(x.reasons).map((r, i) => <li key={i}>{r.text}</li>)}</ol></details>
      <Group gap="sm" mt={8}>
        <CopyAs curl={{ path: `/explain?name=${encodeURIComponent(name)}&client=${encodeURIComponent(client)}` }} cli={`explain ${shell(name)} A --client ${shell(client)}`} json={x} />
        <Go to="/what-if" search={{ name, client } as never} size="sm">What if…</Go>
      </Group>
    </div>
  )
}

function Facts({ service, ttl, s }: { service: Schemas['Service']; ttl?: number; s?: ReturnType<typeof standing> }) {
  const last = service.lastResort
  const facts: [string, ReactNode][] = [
    ['TTL', <>{ttlText(service.ttl)}{ttl !== undefined && typeof service.ttl === 'object' && <Text span size="xs" c="dimmed"> now {ttl} s</Text>}</>],
    ['In an answer', `${service.answers ?? 1} endpoint${(service.answers ?? 1) === 1 ? '' : 's'}`],
    ['Sticky', service.sticky ? (typeof service.sticky === 'string' ? 'by client network' : `/${service.sticky.ipv4 ?? 24}, /${service.sticky.ipv6 ?? 56}`) : 'no'],
    ['IPv4 and IPv6', service.families ?? 'together'],
    ['Last resort', typeof last === 'string' ? last : last ? 'a branch' : 'all, by default'],
    ['Endpoints', s ? `${count(s.all)} in ${s.regions.length} region${s.regions.length === 1 ? '' : 's'}` : '–'],
  ]
  return <dl className="facts">{facts.map(([k, v]) => <div key={k}><dt>{k}</dt><dd>{v}</dd></div>)}</dl>
}

function Live({ name, answers }: { name: string; answers: ReturnType<typeof useAnswers> }) {
  const points = useQuery(get('/geo/points')).data?.body.items ?? []
  const regions = useQuery(get('/regions')).data?.body.items ?? []
  const groups = usePoolHealth()
  const body = answers.data?.body
  const color = useRegionColors(regions.map((r) => r.name), body?.regions.map((r) => r.region))
  const shade = useShade(body, color)
  const shares = useMemo(() => new Map(body?.regions.map((r) => [r.region, r.probability])), [body])
  const standings = useMemo(() => groupBy(groups ?? [], (g) => g.region), [groups])
  const navigate = route.useNavigate()
  return (
    <Panel title="Who answers the world" note={body && `${body.type}, by addresses of each country; click a country to ask as its clients do`}>
      {answers.error && !body && <ErrorBox error={answers.error} retry={() => void answers.refetch()} />}
      {!body && !answers.error && <Skeleton height={200} />}
      {body && (
        <div className="live">
          <WorldMap label={`World map: the region that answers ${name} in each country. The shares beside it say the same.`} shade={shade}
            markers={markers(points.filter((p) => shares.has(p.region)), standings, shares, color)} pick={(c) => { if (c) void navigate({ search: (old) => ({ ...old, client: `country/${c}` }), replace: true }) }} />
          <div>
            <ShareBar label="Shares of the world" parts={body.regions.map((r) => ({ name: r.region || 'no region', share: r.probability, color: color(r.region) }))} />
            <table className="shares"><tbody>
              {body.regions.slice(0, 10).map((r) => <tr key={r.region}><td><i className="swatch" style={{ background: color(r.region) }} /></td><th scope="row" className="mono">{r.region || 'no region'}</th><td className="num">{percent(r.probability)}</td></tr>)}
              {body.nothing > 0 && <tr><td><i className="swatch" style={{ background: 'var(--m-down)' }} /></td><th scope="row">no answer</th><td className="num">{percent(body.nothing)}</td></tr>}
            </tbody></table>
            <Text size="xs" c="dimmed" mt="sm" mb={4}>The largest countries</Text>
            <table className="shares"><tbody>
              {body.countries.slice(0, 8).map((c) => <tr key={c.country}><th scope="row">{countryName(c.country)}</th><td className="mono">{mostly(c.distribution)}</td><td className="num">{percent(c.weight)}</td></tr>)}
            </tbody></table>
          </div>
        </div>
      )}
    </Panel>
  )
}
