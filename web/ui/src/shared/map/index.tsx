import { Skeleton } from '@mantine/core'
import { Suspense, lazy } from 'react'

import type { MapProps } from './WorldMap'

export type { Arc, MapProps, Marker, Shade } from './WorldMap'

const Lazy = lazy(() => import('./WorldMap'))

/** The world map, whose shapes are loaded when they are first looked at. */
export function WorldMap(props: MapProps) {
  return <Suspense fallback={<Skeleton style={{ aspectRatio: '960 / 440' }} />}><Lazy {...props} /></Suspense>
}
