import { Link, Outlet } from '@tanstack/react-router'
import { useEffect, useState } from 'react'

import { Box } from '../shared/ConfirmAction'
import { Opened } from '../shared/MenuButton'
import { later } from '../shared/later'
import { Footer } from './Footer'
import { Header } from './Header'
import { useKeys } from './Keys'
import { StaleBanner } from './StaleBanner'
import { pages } from './nav'

const Palette = later(() => import('./Palette'))
const KeyHelp = later(() => import('./KeyHelp'))

// What a click or a key may want next, in that order.
const next = [Opened, Box, Palette]

/** The frame around each page. It is plain HTML: what is seen first should not wait for what is pressed later. */
export function Shell() {
  const [menu, setMenu] = useState(false)
  const [help, setHelp] = useState<boolean>() // undefined: not yet asked for, nor loaded
  const [palette, setPalette] = useState(0) // how often it was asked for
  const goTo = () => setPalette((n) => n + 1)
  useKeys({ help: () => setHelp((h) => !h), goTo })
  useEffect(() => { // one after the other, while nothing else is to be done
    let timer: ReturnType<typeof setTimeout>
    const ask = (i: number, after: number) => { timer = setTimeout(() => void next[i]?.ask().then(() => ask(i + 1, 1_000)), after) }
    ask(0, 7_000)
    return () => clearTimeout(timer)
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
      {palette > 0 && <Palette asked={palette} />}
      {help !== undefined && <KeyHelp opened={help} close={() => setHelp(false)} />}
    </div>
  )
}
