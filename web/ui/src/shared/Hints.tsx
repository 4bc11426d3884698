import { type ReactNode, type SyntheticEvent, useState } from 'react'

import { later } from './later'

const HintAt = later(() => import('./HintAt'))

/** One hint for many elements: what in it has data-hint tells it on hover, on focus and under a finger. A hint for each would cost a table its speed. */
export function Hints({ children }: { children: ReactNode }) {
  const [at, setAt] = useState<HTMLElement>()
  const show = (e: SyntheticEvent) => setAt((e.target as Element).closest<HTMLElement>('[data-hint]') ?? undefined)
  const hide = () => setAt(undefined)
  return (
    <div onPointerOver={show} onPointerLeave={hide} onFocus={show} onBlur={hide} onClick={show} onKeyDown={(e) => { if (e.key === 'Escape') hide() }}>
      {children}
      {at && <HintAt at={at} />}
    </div>
  )
}
