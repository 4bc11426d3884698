import type { ReactNode } from 'react'

import { later } from './later'

const Hint = later(() => import('./Hint'), ({ children }) => children)

/** Says on hover and to screen readers why what it holds is disabled. */
export function Guarded({ why, children }: { why?: string; children: ReactNode }) {
  if (!why) return <>{children}</>
  const held = <span className="guarded">{children}<span className="visually-hidden">{why}</span></span>
  return <Hint text={why}>{held}</Hint>
}
