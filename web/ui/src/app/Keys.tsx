import { useNavigate } from '@tanstack/react-router'
import { useEffect, useEffectEvent } from 'react'

import { pages } from './nav'

const typing = (t: EventTarget | null) => t instanceof HTMLElement && (t.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(t.tagName))

/** Keys of the whole page: Ctrl-K for the palette, ? for help, / for the filter, g and a letter for a page. */
export function useKeys({ help, goTo }: { help: () => void; goTo: () => void }) {
  const navigate = useNavigate()
  const press = useEffectEvent((e: KeyboardEvent, after: number): number => { // returns when g was pressed, if it was
    if ((e.ctrlKey || e.metaKey) && !e.altKey && !e.shiftKey && e.key.toLowerCase() === 'k') {
      e.preventDefault()
      goTo()
      return 0
    }
    if (e.ctrlKey || e.metaKey || e.altKey || typing(e.target) || document.querySelector('[aria-modal="true"]')) return 0
    const to = e.timeStamp - after < 1500 && pages.find((p) => p.key === e.key)
    if (to) {
      e.preventDefault()
      void navigate({ to: to.to })
    } else if (e.key === 'g') return e.timeStamp
    else if (e.key === '?') help()
    else if (e.key === '/') {
      const filter = document.querySelector<HTMLInputElement>('input[data-filter]')
      if (filter) { e.preventDefault(); filter.focus(); filter.select() }
    }
    return 0
  })
  useEffect(() => {
    let after = 0
    const on = (e: KeyboardEvent) => { after = press(e, after) }
    window.addEventListener('keydown', on)
    return () => window.removeEventListener('keydown', on)
  }, [])
}
