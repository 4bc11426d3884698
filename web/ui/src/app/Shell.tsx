import { AppShell, NavLink, ScrollArea, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { Link, Outlet, useLocation } from '@tanstack/react-router'
import { Suspense, lazy } from 'react'

import { Footer } from './Footer'
import { Header } from './Header'
import { KeyHelp, useKeys } from './Keys'
import { StaleBanner } from './StaleBanner'
import { pages } from './nav'

const Palette = lazy(() => import('./Palette'))

/** The frame around each page. */
export function Shell() {
  const [menu, { toggle, close }] = useDisclosure(false)
  const [help, helpOf] = useDisclosure(false)
  const at = useLocation({ select: (l) => l.pathname })
  useKeys(helpOf.toggle)
  return (
    <AppShell header={{ height: 48 }} navbar={{ width: 184, breakpoint: 'sm', collapsed: { mobile: !menu } }} padding="md">
      <AppShell.Header className="header"><Header menu={menu} toggle={toggle} help={helpOf.open} /></AppShell.Header>
      <AppShell.Navbar p={8} className="navbar" aria-label="Pages">
        <AppShell.Section grow component={ScrollArea}>
          {pages.map((p) => (
            <NavLink key={p.to} component={Link} to={p.to} label={p.label} leftSection={<p.icon size={17} stroke={1.6} />} onClick={close} className="navitem"
              active={p.to === '/' ? at === '/' : at === p.to || at.startsWith(p.to + '/')} aria-current={at === p.to ? 'page' : undefined} />
          ))}
        </AppShell.Section>
        <AppShell.Section visibleFrom="sm"><Text size="xs" c="dimmed" px={10} py={6}>Press <kbd>?</kbd> for keys</Text></AppShell.Section>
      </AppShell.Navbar>
      <AppShell.Main className="main">
        <StaleBanner />
        <Outlet />
        <Footer />
      </AppShell.Main>
      <Suspense><Palette /></Suspense>
      <KeyHelp opened={help} close={helpOf.close} />
    </AppShell>
  )
}
