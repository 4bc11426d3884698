import { useMantineColorScheme, useComputedColorScheme } from '@mantine/core'
import { useEffect, useRef } from 'react'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'

import { useZone } from '../prefs'
import { fullTime } from '../Time'

export interface Line { label: string; color: string; values: readonly (number | null)[]; fill?: boolean; format?: (v: number) => string }
export interface PlotProps { label: string; times: readonly number[]; lines: readonly Line[]; height?: number; most?: number; format?: (v: number) => string }

const resolve = (color: string, el: Element) => {
  const name = /^var\((--[\w-]+)\)$/.exec(color)?.[1]
  return name ? getComputedStyle(el).getPropertyValue(name).trim() : color
}

/** A moment on the axis: as much of it as the step between two needs, and the day where one begins. */
function tick(s: number, step: number, zone: 'utc' | 'local'): string {
  const text = fullTime(new Date(s * 1000), zone)
  const clock = text.slice(11, step < 60 ? 19 : 16)
  return step >= 86_400 || clock.startsWith('00:00') ? text.slice(5, 10) : clock
}

/** Lines over time (seconds since 1970), in the theme's colours and the zone that times are told in. */
export default function Plot({ label, times, lines, height = 180, most, format = (v) => String(v) }: PlotProps) {
  const box = useRef<HTMLDivElement>(null)
  const scheme = useComputedColorScheme()
  useMantineColorScheme()
  const [zone] = useZone()
  const shape = lines.map((l) => `${l.label} ${l.color} ${l.fill}`).join('\n')
  const plot = useRef<uPlot>(undefined)
  const data = [times, ...lines.map((l) => l.values)] as unknown as uPlot.AlignedData
  useEffect(() => {
    const el = box.current!
    const ink = resolve('var(--m-dim)', el), faint = resolve('var(--m-line-soft)', el)
    const axis: uPlot.Axis = { stroke: ink, grid: { stroke: faint, width: 1 }, ticks: { show: false }, font: '11px system-ui', size: 34 }
    const u = new uPlot({
      width: el.clientWidth, height, tzDate: (s) => (zone === 'utc' ? uPlot.tzDate(new Date(s * 1000), 'UTC') : new Date(s * 1000)),
      cursor: { points: { size: 6 }, drag: { x: false, y: false } }, legend: { live: true }, scales: most === undefined ? {} : { y: { range: [0, most] } },
      axes: [{ ...axis, space: 84, values: (_u, at, _axis, _space, step) => at.map((s) => tick(s, step, zone)) }, { ...axis, size: 46, values: (_, vs) => vs.map(format) }],
      series: [{ value: (_, s) => (s == null ? '–' : fullTime(new Date(s * 1000), zone)) }, ...lines.map((l): uPlot.Series => {
        const color = resolve(l.color, el)
        return { label: l.label, stroke: color, width: 1.5, fill: l.fill ? color + '22' : undefined, points: { show: false }, value: (_, v) => (v == null ? '–' : (l.format ?? format)(v)) }
      })],
    }, data, el)
    plot.current = u
    const watch = new ResizeObserver(() => u.setSize({ width: el.clientWidth, height }))
    watch.observe(el)
    return () => { watch.disconnect(); u.destroy() }
    // The plot is made anew when its look changes; values are set below.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [shape, scheme, zone, height, most])
  useEffect(() => void plot.current?.setData(data))
  return <div ref={box} role="img" aria-label={label} className="plot" />
}
