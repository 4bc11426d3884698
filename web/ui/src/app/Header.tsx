import { ActionIcon, Burger, Group, Kbd, Menu, Text, Tooltip, UnstyledButton, useMantineColorScheme } from '@mantine/core'
import { spotlight } from '@mantine/spotlight'
import IconAuto from '@tabler/icons-react/dist/esm/icons/IconSunMoon.mjs'
import IconHelp from '@tabler/icons-react/dist/esm/icons/IconKeyboard.mjs'
import IconLogOut from '@tabler/icons-react/dist/esm/icons/IconLogout.mjs'
import IconMoon from '@tabler/icons-react/dist/esm/icons/IconMoon.mjs'
import IconSearch from '@tabler/icons-react/dist/esm/icons/IconSearch.mjs'
import IconSun from '@tabler/icons-react/dist/esm/icons/IconSun.mjs'
import IconUser from '@tabler/icons-react/dist/esm/icons/IconUserCircle.mjs'
import { useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'

import { write } from '../api/client'
import { useLive } from '../api/events'
import { useCluster, useSession } from '../api/guard'
import { StateIcon } from '../shared/Status'
import { fullTime, parseDuration, span, useNow } from '../shared/Time'
import { useZone } from '../shared/prefs'
import mark from './favicon.svg'
import { Go } from '../shared/Go'

/** The line on top: where one is, how the cluster is, who one is. */
export function Header({ menu, toggle, help }: { menu: boolean; toggle: () => void; help: () => void }) {
  return (
    <Group h="100%" px="sm" gap="sm" wrap="nowrap" justify="space-between">
      <Group gap="sm" wrap="nowrap" miw={0}>
        <Burger opened={menu} onClick={toggle} hiddenFrom="sm" size="sm" aria-label={menu ? 'Close the menu' : 'Open the menu'} />
        <Go to="/" underline="never" c="var(--mantine-color-text)" className="brand" aria-label="Meridian">
          <img src={mark} width={22} height={22} alt="" /><Text span fw={680} size="md" visibleFrom="xs">Meridian</Text>
        </Go>
        <ClusterState />
      </Group>
      <Group gap={6} wrap="nowrap">
        <UnstyledButton className="searchbox" onClick={spotlight.open} visibleFrom="md">
          <IconSearch size={14} /><Text span size="xs" c="dimmed" mr="auto">Go to…</Text><Kbd size="xs">Ctrl K</Kbd>
        </UnstyledButton>
        <ActionIcon variant="subtle" color="gray" size="lg" hiddenFrom="md" onClick={spotlight.open} aria-label="Go to a page or an object"><IconSearch size={17} /></ActionIcon>
        <Clock />
        <UserMenu help={help} />
      </Group>
    </Group>
  )
}

/** Leader, quorum, node and the age of what is shown. */
function ClusterState() {
  const cluster = useCluster()
  const live = useLive()
  const now = useNow()
  const c = cluster.data?.body
  if (!c) return null
  const voters = c.members.filter((m) => m.voter)
  const there = voters.filter((m) => m.reachable).length
  const age = parseDuration(c.stateAge) + (cluster.isError ? now - cluster.dataUpdatedAt : 0)
  const state = !c.leader || cluster.isError ? 'down' : there < voters.length || live.state === 'lost' ? 'degraded' : 'up'
  const quorum = there * 2 > voters.length
  return (
    <Tooltip withinPortal multiline label={`This is node ${c.node} (${c.role}). ${c.leader ? `The leader is ${c.leader}.` : 'There is no leader.'} ${there} of ${voters.length} voting nodes are in reach${quorum ? '' : ', which is no majority'}. The node heard of a leader ${span(age)} ago.`}>
      <Go to="/cluster" underline="never" c="inherit" className="clusterstate">
        <StateIcon state={state} size={11} />
        <Text span size="xs" fw={600} className="mono">{c.node}</Text>
        <Text span size="xs" c="dimmed" visibleFrom="sm">{c.leader ? <>leader <span className="mono">{c.leader}</span></> : <b>no leader</b>}</Text>
        <Text span size="xs" c="dimmed" className="num">{there}/{voters.length}<Text span inherit visibleFrom="sm"> nodes</Text></Text>
        <Text span size="xs" c="dimmed" className="num" visibleFrom="lg">state {span(age)} old</Text>
      </Go>
    </Tooltip>
  )
}

function Clock() {
  const now = useNow()
  const [zone, setZone] = useZone()
  const text = fullTime(new Date(now), zone)
  return (
    <Tooltip label={zone === 'utc' ? 'Times are in UTC. Click for local time.' : 'Times are local. Click for UTC.'} withinPortal>
      <UnstyledButton onClick={() => setZone(zone === 'utc' ? 'local' : 'utc')} className="clock" visibleFrom="xs">
        <Text span size="xs" className="num">{text.slice(11, 19)}</Text> <Text span size="xs" c="dimmed">{zone === 'utc' ? 'UTC' : 'local'}</Text><span className="visually-hidden">, switch to {zone === 'utc' ? 'local time' : 'UTC'}</span>
      </UnstyledButton>
    </Tooltip>
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
  return (
    <Menu position="bottom-end" withinPortal shadow="md" width={220}>
      <Menu.Target><ActionIcon variant="subtle" color="gray" size="lg" aria-label="You and this page"><IconUser size={20} /></ActionIcon></Menu.Target>
      <Menu.Dropdown>
        <Menu.Label><Text size="xs" className="mono" truncate>{session?.actor}</Text><Text size="xs">{session?.role}{session?.scopes?.length ? `, ${session.scopes.join(', ')}` : ''}</Text></Menu.Label>
        <Menu.Divider />
        <Menu.Label>Theme</Menu.Label>
        {schemes.map(([key, label, Icon]) => <Menu.Item key={key} leftSection={<Icon size={15} />} onClick={() => setColorScheme(key)} rightSection={colorScheme === key ? '✓' : undefined} closeMenuOnClick={false}>{label}</Menu.Item>)}
        <Menu.Divider />
        <Menu.Label>Times</Menu.Label>
        {(['utc', 'local'] as const).map((z) => <Menu.Item key={z} onClick={() => setZone(z)} rightSection={zone === z ? '✓' : undefined} closeMenuOnClick={false}>{z === 'utc' ? 'UTC' : 'Local time'}</Menu.Item>)}
        <Menu.Divider />
        <Menu.Item leftSection={<IconHelp size={15} />} onClick={help}>Keys</Menu.Item>
        <Menu.Item component="a" href="/api/v1/docs" target="_blank" rel="noreferrer">API reference</Menu.Item>
        <Menu.Item leftSection={<IconLogOut size={15} />} onClick={() => void leave()}>Log out</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
