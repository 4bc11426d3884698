import '@mantine/spotlight/styles.css'
import { Spotlight, type SpotlightActionGroupData, spotlight } from '@mantine/spotlight'
import IconSearch from '@tabler/icons-react/dist/esm/icons/IconSearch.mjs'
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useEffect, useState } from 'react'

import { get } from '../api/queries'
import { pages } from './nav'

/** Ctrl-K: goes to a page, a service, a region, a pool or a zone. */
export default function Palette({ asked }: { asked: number }) {
  const navigate = useNavigate()
  const [opened, setOpened] = useState(false)
  useEffect(() => void spotlight.open(), [asked])
  const on = { enabled: opened }
  const services = useQuery({ ...get('/services'), ...on })
  const regions = useQuery({ ...get('/regions'), ...on })
  const pools = useQuery({ ...get('/pools'), ...on })
  const zones = useQuery({ ...get('/zones'), ...on })
  const go = (href: string) => () => void navigate({ href })
  const actions: SpotlightActionGroupData[] = [
    { group: 'Pages', actions: pages.map((p) => ({ id: p.to, label: p.label, description: p.about, leftSection: <p.icon size={17} stroke={1.6} />, onClick: go(p.to) })) },
    { group: 'Services', actions: (services.data?.body.items ?? []).map((s) => { const n = s.name ?? s.names?.[0] ?? ''; return { id: 's/' + n, label: n, keywords: s.names, onClick: go(`/services/${encodeURIComponent(n)}`) } }) },
    { group: 'Regions', actions: (regions.data?.body.items ?? []).map((r) => ({ id: 'r/' + r.name, label: r.name, onClick: go(`/health?q=${encodeURIComponent(r.name)}`) })) },
    { group: 'Pools', actions: (pools.data?.body.items ?? []).map((p) => ({ id: 'p/' + p.name, label: p.name, onClick: go(`/health?q=${encodeURIComponent(p.name)}`) })) },
    { group: 'Zones', actions: (zones.data?.body.items ?? []).map((z) => ({ id: 'z/' + z.name, label: z.name, onClick: go(`/zones/${encodeURIComponent(z.name.replace(/\.$/, ''))}`) })) },
  ]
  return (
    <Spotlight attributes={{ content: { 'aria-label': 'Go to' } }} actions={actions} shortcut={null} onSpotlightOpen={() => setOpened(true)} onSpotlightClose={() => setOpened(false)} limit={40} scrollable maxHeight={420} highlightQuery
      nothingFound="Nothing is called that." searchProps={{ placeholder: 'A page, service, pool or zone', 'aria-label': 'Go to', leftSection: <IconSearch size={17} /> }} />
  )
}
