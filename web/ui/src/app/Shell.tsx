import { Link, Outlet } from '@tanstack/react-router'
import { Suspense, lazy, useEffect, useState } from 'react'

import { Footer } from './Footer'
import { Header } from './Header'
import { useKeys } from './Keys'
import { StaleBanner } from './StaleBanner'
import { pages } from './nav'

const Palette = lazy(() => import('./Palette'))
const KeyHelp = lazy(() => import('./KeyHelp'))

/** The frame around each page. It is plain HTML: what is seen first should not wait for what is pressed later. */
export function Shell() {
  const [menu, setMenu] = useState(false)
  const [help, setHelp] = useState<boolean>() // undefined: not yet asked for, nor loaded
  const [palette, setPalette] = useState(0) // how often it was asked for
  const goTo = () => setPalette((n) => n + 1)
  useKeys({ help: () => setHelp((h) => !h), goTo })
  useEffect(() => { // what a click or a key may want next is there by then
    const idle = setTimeout(() => { void import('./Palette'); void import('../shared/ConfirmBox'); void import('../shared/MenuOpened') }, 8_000)
    return () => clearTimeout(idle)
  }, [])
  return (
    <div className="shell" data-menu={menu || undefined}>
      <header className="header"><Header menu={menu} toggle={() => setMenu(!menu)} help={() => setHelp(true)} goTo={goTo} /></header>
      <nav className="navbar" aria-label="Pages">
        {pages.map((p) => (
          <Link key={p.to} to={p.to} className="navitem" onClick={() => setMenu(false)} activeOptions={{ exact: p.to === '/', includeSearch: false }}><p.icon size={17} stroke={1.6} />{p.label}</Link>
        ))}
        <p className="keyhint">Press <kbd>?</kbd> for keys</p>
      </nav>
      <main className="main">
        <StaleBanner />
        <Outlet />
        <Footer />
      </main>
      <Suspense>
        {palette > 0 && <Palette asked={palette} />}
        {help !== undefined && <KeyHelp opened={help} close={() => setHelp(false)} />}
      </Suspense>
    </div>
  )
}
