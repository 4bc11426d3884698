import { type ReactNode, Suspense, lazy } from 'react'

const Hint = lazy(() => import('./Hint'))

/** Says on hover and to screen readers why what it holds is disabled. */
export function Guarded({ why, children }: { why?: string; children: ReactNode }) {
  if (!why) return <>{children}</>
  const held = <span className="guarded">{children}<span className="visually-hidden">{why}</span></span>
  return <Suspense fallback={held}><Hint text={why}>{held}</Hint></Suspense>
}
