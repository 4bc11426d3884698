import { useMantineColorScheme } from '@mantine/core'
import IconHelp from '@tabler/icons-react/dist/esm/icons/IconKeyboard.mjs'
import IconLogOut from '@tabler/icons-react/dist/esm/icons/IconLogout.mjs'
import IconMenu from '@tabler/icons-react/dist/esm/icons/IconMenu2.mjs'
import IconMoon from '@tabler/icons-react/dist/esm/icons/IconMoon.mjs'
import IconSearch from '@tabler/icons-react/dist/esm/icons/IconSearch.mjs'
import IconSun from '@tabler/icons-react/dist/esm/icons/IconSun.mjs'
import IconAuto from '@tabler/icons-react/dist/esm/icons/IconSunMoon.mjs'
import IconUser from '@tabler/icons-react/dist/esm/icons/IconUserCircle.mjs'
import IconClose from '@tabler/icons-react/dist/esm/icons/IconX.mjs'
import { useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'

import { write } from '../api/client'
import { useLive } from '../api/events'
import { useCluster, useSession } from '../api/guard'
import { type Item, MenuButton } from '../shared/MenuButton'
import { StateIcon } from '../shared/Status'
import { fullTime, parseDuration, span, useTick } from '../shared/Time'
import { useZone } from '../shared/prefs'
import mark from './favicon.svg'

/** The line on top: where one is, how the cluster is, who one is. */
export function Header({ menu, toggle, help, goTo }: { menu: boolean; toggle: () => void; help: () => void; goTo: () => void }) {
  return (
    <>
      <button type="button" className="iconbutton burger" onClick={toggle} aria-label={menu ? 'Close the menu' : 'Open the menu'}>{menu ? <IconClose size={19} /> : <IconMenu size={19} />}</button>
      <Link to="/" className="brand" aria-label="Meridian"><img src={mark} width={22} height={22} alt="" /><b className="from-xs">Meridian</b></Link>
      <ClusterState />
      <span className="gap" />
      <button type="button" className="searchbox from-md" onClick={goTo}><IconSearch size={14} /><span>Go to…</span><kbd>Ctrl K</kbd></button>
      <button type="button" className="iconbutton to-md" onClick={goTo} aria-label="Go to a page or an object"><IconSearch size={17} /></button>
      <Clock />
      <UserMenu help={help} />
    </>
  )
}

/** Leader, quorum, node and the age of what is shown. */
function ClusterState() {
  const cluster = useCluster()
  const lost = useLive((l) => l.state === 'lost')
  const c = cluster.data?.body
  const age = useTick((now) => (c ? span(parseDuration(c.stateAge) + (cluster.isError ? now - cluster.dataUpdatedAt : 0)) : ''))
  if (!c) return null
  const voters = c.members.filter((m) => m.voter)
  const there = voters.filter((m) => m.reachable).length
  const state = !c.leader || cluster.isError ? 'down' : there < voters.length || lost ? 'degraded' : 'up'
  const quorum = there * 2 > voters.length
  return (
    <Link to="/cluster" className="clusterstate" title={`This is node ${c.node} (${c.role}). ${c.leader ? `The leader is ${c.leader}.` : 'There is no leader.'} ${there} of ${voters.length} voting nodes are in reach${quorum ? '' : ', which is no majority'}. The node heard of a leader ${age} ago.`}>
      <StateIcon state={state} size={11} />
      <b className="mono">{c.node}</b>
      <span className="from-sm">{c.leader ? <>leader <span className="mono">{c.leader}</span></> : <b>no leader</b>}</span>
      <span className="num">{there}/{voters.length}<span className="from-sm"> nodes</span></span>
      <span className="num from-lg">state {age} old</span>
    </Link>
  )
}

function Clock() {
  const [zone, setZone] = useZone()
  const text = useTick((now) => fullTime(new Date(now), zone).slice(11, 19))
  return (
    <button type="button" onClick={() => setZone(zone === 'utc' ? 'local' : 'utc')} className="clock from-xs" title={zone === 'utc' ? 'Times are in UTC. Click for local time.' : 'Times are local. Click for UTC.'}>
      <span className="num">{text}</span> <small>{zone === 'utc' ? 'UTC' : 'local'}</small><span className="visually-hidden">, switch to {zone === 'utc' ? 'local time' : 'UTC'}</span>
    </button>
  )
}

function UserMenu({ help }: { help: () => void }) {
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  const [zone, setZone] = useZone()
  const session = useSession().data?.body
  const qc = useQueryClient()
  const navigate = useNavigate()
  const leave = async () => {
    await write('delete', '/session', undefined).catch(() => undefined) // the session may be over already
    qc.clear()
    await navigate({ to: '/login' })
  }
  const schemes = [['light', 'Light', IconSun], ['dark', 'Dark', IconMoon], ['auto', 'As the system', IconAuto]] as const
  const items: Item[] = [
    { heading: <><div className="mono wholeword">{session?.actor}</div><div>{session?.role}{session?.scopes?.length ? `, ${session.scopes.join(', ')}` : ''}</div></> }, 'line',
    { heading: 'Theme' }, ...schemes.map(([key, label, Icon]) => ({ label, left: <Icon size={15} />, do: () => setColorScheme(key), on: colorScheme === key, stay: true })), 'line',
    { heading: 'Times' }, ...(['utc', 'local'] as const).map((z) => ({ label: z === 'utc' ? 'UTC' : 'Local time', do: () => setZone(z), on: zone === z, stay: true })), 'line',
    { label: 'Keys', left: <IconHelp size={15} />, do: help }, { label: 'API reference', href: '/api/v1/docs' }, { label: 'Log out', left: <IconLogOut size={15} />, do: () => void leave() },
  ]
  return <MenuButton items={items} width={220}><button type="button" className="iconbutton" aria-label="You and this page"><IconUser size={20} /></button></MenuButton>
}
