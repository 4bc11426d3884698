import { Anchor, Button, Group, NumberInput, Stack, Text, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useMemo, useState } from 'react'

import { type Schemas, read, write } from '../../api/client'
import { get, useWrite } from '../../api/queries'
import { ConfirmAction } from '../../shared/ConfirmAction'
import { because, CopyAs, shell } from '../../shared/CopyAs'
import { type Column, DataTable } from '../../shared/DataTable'
import { countryName } from '../../shared/Effect'
import { EmptyState } from '../../shared/EmptyState'
import { ErrorBox } from '../../shared/ErrorBox'
import { Go } from '../../shared/Go'
import { Loaded } from '../../shared/Page'
import { Panel } from '../../shared/Panel'
import { Time } from '../../shared/Time'
import { FormButton } from './Form'

type Override = Schemas['PlaceOverride']
const route = getRouteApi('/app/access')
const touches = ['/places', '/geo', '/explain', '/answers', '/revisions'] as const
const nameOf = (p: Override) => p.cidr ?? `AS${p.asn}`

/** Where an override puts its clients, for people. */
export function placeText(p: Override): string {
  const at = p.place
  const point = at?.iata ? `airport ${at.iata}` : at?.cloud ? at.cloud : at?.lat !== undefined ? `${at.lat}, ${at.lon}` : ''
  return [p.city, p.subdivision, p.country && countryName(p.country), point].filter(Boolean).join(', ')
}

export default function Geo() {
  const { address } = route.useSearch()
  const asked = address ?? '192.0.2.1' // any address: the answer names the data
  const where = useQuery({ ...get('/geo/lookup', { params: { query: { address: asked } } }), retry: false })
  return (
    <Stack gap="md">
      <Lookup where={address ? where : undefined} address={address} />
      <Overrides />
      <Panel title="Data">
        <Loaded of={where}>
          {({ body }) => (
            <>
              {!body.database && !body.asnDatabase && <Text size="sm" c="dimmed">No data is loaded on this node.</Text>}
              {[body.database, body.asnDatabase].map((d) => d && (
                <Text key={d.name} size="sm"><b>{d.name}</b> ({d.type}, {d.kind}), made <Time at={d.built} />, {d.networks.toLocaleString('en')} networks. <Anchor href={d.link} target="_blank" rel="noreferrer" size="sm" underline="always">{d.attribution}</Anchor></Text>
              ))}
              <Text size="sm" mt={4}>Map: Natural Earth, in the public domain. Places of countries: <Anchor href="https://www.geonames.org" target="_blank" rel="noreferrer" size="sm" underline="always">GeoNames</Anchor> (CC BY 4.0).</Text>
              <Text size="xs" c="dimmed" mt={6}>Each node has its own data (<span className="mono">geo.database</span> and <span className="mono">geo.asn</span> in its settings).</Text>
            </>
          )}
        </Loaded>
      </Panel>
    </Stack>
  )
}

function Lookup({ where, address }: { where?: { data?: { body: Schemas['Where'] }; error: unknown }; address?: string }) {
  const navigate = route.useNavigate()
  const [text, setText] = useState(address ?? '')
  const w = where?.data?.body
  return (
    <Panel title="Look an address up" actions={w && <CopyAs curl={{ path: `/geo/lookup?address=${encodeURIComponent(w.address)}` }} cli={`geo lookup ${shell(w.address)}`} json={w} />}>
      <form onSubmit={(e) => { e.preventDefault(); if (text.trim()) void navigate({ search: (old) => ({ ...old, address: text.trim() }) }) }}>
        <Group gap="xs"><TextInput aria-label="Address" placeholder="91.10.0.1 or 2001:db8::1" value={text} onChange={(e) => setText(e.currentTarget.value)} w={260} spellCheck={false} /><Button type="submit" variant="default">Look up</Button></Group>
      </form>
      {where?.error ? <Group mt="sm"><ErrorBox error={where.error} /></Group> : null}
      {w && (
        <>
          <dl className="facts" style={{ marginTop: 12 }}>
            {([['Country', w.country ? `${countryName(w.country)} (${w.country})` : 'not known'], ['City', [w.city, w.subdivision].filter(Boolean).join(', ') || 'not known'], ['Point', w.point ? `${w.point.lat.toFixed(2)}, ${w.point.lon.toFixed(2)}` : 'none'],
              ['AS number', w.asn ? `AS${w.asn}` : 'not known'], ['Network', w.network], ['On the word of', w.override ? `the override ${w.override}` : w.database?.name ?? 'nobody']] as const).map(([k, v]) => <div key={k}><dt>{k}</dt><dd>{v}</dd></div>)}
          </dl>
          <Group mt="sm" gap="md"><Go to="/what-if" search={{ client: w.address }}>What it is answered</Go></Group>
        </>
      )}
    </Panel>
  )
}

function Overrides() {
  const places = useQuery(get('/places'))
  const columns = useMemo<Column<Override>[]>(() => [
    { key: 'name', title: 'Network', width: 'minmax(150px, 1fr)', sort: nameOf, text: nameOf, cell: (p) => <b className="mono">{nameOf(p)}</b> },
    { key: 'place', title: 'Is in', width: 'minmax(180px, 2fr)', text: placeText, cell: (p) => placeText(p) },
    { key: 'act', title: '', width: '90px', align: 'right', cell: (p) => <Remove name={nameOf(p)} place={placeText(p)} /> },
  ], [])
  return (
    <Loaded of={places}>
      {({ body }) => body.items.length === 0
        ? <EmptyState title="No overrides" command="meridian apply -f meridian.yaml" action={<Make />}>Where the data is wrong, or a network is your own, an override says where its clients are. They are <span className="mono">places</span> in the document; a longer prefix wins over a shorter one, and any prefix over an AS number.</EmptyState>
        : <DataTable label="Overrides" rows={body.items} columns={columns} id={nameOf} tools={<><Text size="sm" fw={600}>Overrides</Text><Make /><CopyAs curl={{ path: '/places' }} cli="get places" json={body} /></>} />}
    </Loaded>
  )
}

function Make() {
  const [name, setName] = useState('')
  const [country, setCountry] = useState('')
  const [city, setCity] = useState('')
  const [lat, setLat] = useState<number | string>('')
  const [lon, setLon] = useState<number | string>('')
  const asn = /^as\s*(\d+)$/i.exec(name.trim())?.[1]
  const key = asn ? `AS${asn}` : name.trim()
  const point = lat !== '' && lon !== ''
  const body = { ...(asn ? { asn: Number(asn) } : { cidr: key }), ...(country ? { country: country.toUpperCase() } : {}), ...(city ? { city } : {}), ...(point ? { place: { lat: Number(lat), lon: Number(lon) } } : {}) }
  const save = useWrite((reason: string) => write('put', '/places/{name}', { params: { path: { name: key } }, body } as never, { etag: '"0"', reason }), touches)
  const missing = !(asn || /\/\d+$/.test(key)) || !(country || point) || (country !== '' && !/^[a-z]{2}$/i.test(country))
  return (
    <FormButton label="New override" title="New override" needs="editor" button={{ variant: 'filled' }} action="Create" missing={missing} save={(reason) => save.mutateAsync(reason)} onOpen={() => setName('')}>
      <TextInput label="Network" placeholder="192.0.2.0/24 or AS64500" value={name} onChange={(e) => setName(e.currentTarget.value)} required spellCheck={false} data-autofocus />
      <Group grow align="flex-start">
        <TextInput label="Country" placeholder="DE" value={country} maxLength={2} onChange={(e) => setCountry(e.currentTarget.value)} error={country.length === 2 || country === '' ? undefined : 'two letters'} description={country.length === 2 ? countryName(country.toUpperCase()) : 'two letters'} inputWrapperOrder={['label', 'input', 'description', 'error']} />
        <TextInput label="City" description="for people" value={city} onChange={(e) => setCity(e.currentTarget.value)} inputWrapperOrder={['label', 'input', 'description']} />
      </Group>
      <Group grow align="flex-start">
        <NumberInput label="Degrees north" min={-90} max={90} value={lat} onChange={setLat} />
        <NumberInput label="Degrees east" min={-180} max={180} value={lon} onChange={setLon} />
      </Group>
      <Text size="xs" c="dimmed">Without a point it is the middle of the country.</Text>
    </FormButton>
  )
}

function Remove({ name, place }: { name: string; place: string }) {
  const [etag, setEtag] = useState<string>()
  const remove = useWrite((reason: string) => write('delete', '/places/{name}', { params: { path: { name } } } as never, { etag, reason }), touches)
  return (
    <ConfirmAction label="Delete" title={`Delete the override of ${name}?`} does={(why) => ({ curl: { method: 'DELETE', path: `/places/${encodeURIComponent(name)}`, reason: why }, cli: `delete ${shell(`place/${name}`)}${because(why)}` })} needs="editor" button={{ size: 'compact-xs' }} run={(reason) => remove.mutateAsync(reason)}
      onOpen={() => void read('/places/{name}', { params: { path: { name } } }).then((r) => setEtag(r.etag), () => undefined)}>
      <Text size="sm">Clients in {name} are no longer taken to be in {place}; where the data says they are decides, and some may be answered otherwise at once.</Text>
    </ConfirmAction>
  )
}
