import { Skeleton } from '@mantine/core'
import { Suspense, lazy } from 'react'

import type { PlotProps } from './Plot'

export type { Line, PlotProps } from './Plot'

const Lazy = lazy(() => import('./Plot'))

/** Lines over time; what draws them is loaded when it is first needed. */
export function Chart(props: PlotProps) {
  return <Suspense fallback={<Skeleton height={props.height ?? 180} />}><Lazy {...props} /></Suspense>
}

/** A line as small as a word. */
export function Sparkline({ values, label, width = 96, height = 22, color = 'var(--m-accent)' }: { values: readonly (number | null)[]; label: string; width?: number; height?: number; color?: string }) {
  const known = values.filter((v) => v !== null)
  const top = Math.max(...known, 1e-9)
  const step = values.length > 1 ? width / (values.length - 1) : 0
  let d = ''
  values.forEach((v, i) => {
    if (v !== null) d += `${d === '' || values[i - 1] === null ? 'M' : 'L'}${(i * step).toFixed(1)} ${(height - 2 - (v / top) * (height - 4)).toFixed(1)}`
  })
  return (
    <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} role="img" aria-label={label}>
      <path d={d} fill="none" stroke={color} strokeWidth="1.5" strokeLinejoin="round" />
    </svg>
  )
}
