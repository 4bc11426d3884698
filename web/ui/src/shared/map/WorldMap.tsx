import { useElementSize, useMergedRef } from '@mantine/hooks'
import { memo, useRef, useState } from 'react'
import world from 'virtual:world'

import { type State, stateColor, stateShape, stateWord, urgency } from '../Status'
import { height, projection, width } from './projection'
import css from './WorldMap.module.css'

export interface Shade { fill: string; title: string; opacity?: number }
export interface Marker { id: string; lat: number; lon: number; state: State; label: string; title: string; color?: string }
export interface Arc { from: [lat: number, lon: number]; to: [lat: number, lon: number]; color: string; id: string }

export interface MapProps {
  label: string // what it shows, for screen readers; what it tells has to stand beside it as text too
  shade?: (country: string) => Shade | undefined
  markers?: readonly Marker[]
  arcs?: readonly Arc[]
  open?: (id: string) => void // a marker
  pick?: (country: string, at: [lat: number, lon: number]) => void // a place
}

/** The world, with its countries shaded, markers at places, and arcs between them. */
export default memo(function WorldMap({ label, shade, markers = [], arcs = [], open, pick }: MapProps) {
  const frame = useRef<HTMLDivElement>(null)
  const size = useElementSize<HTMLDivElement>()
  const ref = useMergedRef(frame, size.ref)
  const dense = markers.length > 60
  const scale = (size.width ? Math.min(Math.max(width / size.width, 1), 2.2) : 1) * (dense ? 0.62 : 1) // so that markers are no smaller on a phone
  const [tip, setTip] = useState<{ x: number; y: number; text: string }>()
  const at = (e: { clientX: number; clientY: number }, text: string) => {
    const r = frame.current!.getBoundingClientRect()
    setTip({ x: Math.min(Math.max(e.clientX - r.left, 90), r.width - 90), y: e.clientY - r.top, text })
  }
  const click = pick && ((e: React.MouseEvent<SVGSVGElement>) => {
    const svg = e.currentTarget
    const p = new DOMPoint(e.clientX, e.clientY).matrixTransform(svg.getScreenCTM()!.inverse())
    const place = projection.invert?.([p.x, p.y])
    if (place) pick((e.target as Element).getAttribute('data-country') ?? '', [place[1], place[0]])
  })
  return (
    <div ref={ref} className={css.frame} onMouseLeave={() => setTip(undefined)}>
      <svg className={css.map} viewBox={`0 0 ${width} ${height}`} role="group" aria-label={label} onClick={click}>
        <path d={world.sphere} className={css.sphere} />
        <path d={world.grid} className={css.grid} />
        <Land shade={shade} tell={at} hide={() => setTip(undefined)} />
        {arcs.map((a) => (
          <g key={a.id} className={css.arc}>
            <path d={arc(a)} style={{ strokeWidth: 4.5 * scale }} className={css.casing} />
            <path d={arc(a)} style={{ stroke: a.color, strokeWidth: 2 * scale }} className={css.flow} />
          </g>
        ))}
        {placed(markers, scale, dense).map(({ m, x, y, left }) => (
          <g key={m.id} className={css.marker} transform={`translate(${x} ${y}) scale(${dense && m.state !== 'up' ? scale * 1.3 : scale})`} tabIndex={open ? 0 : -1} role={open ? 'link' : 'img'} aria-label={`${m.title}: ${stateWord[m.state]}`}
            onClick={open && ((e) => { e.stopPropagation(); open(m.id) })} onKeyDown={(e) => { if (e.key === 'Enter') open?.(m.id) }}
            onMouseMove={(e) => at(e, m.title)} onMouseLeave={() => setTip(undefined)}>
            {dense ? <circle r={radius(m)} className={css.halo} /> : <circle r="9" className={css.halo} style={m.color ? { stroke: m.color, strokeWidth: 2.5 } : undefined} />}
            <path d={stateShape[m.state]} fill={stateColor[m.state]} transform={dense && m.state === 'up' ? 'scale(.75)' : undefined} />
            {scale < 2 && <text x={left ? -13 : 13} y="4" textAnchor={left ? 'end' : 'start'} className={css.label}>{m.label}</text>}
          </g>
        ))}
      </svg>
      {tip && <div className={css.tip} style={{ left: tip.x, top: tip.y }} role="presentation">{tip.text}</div>}
    </div>
  )
})

const Land = memo(function Land({ shade, tell, hide }: { shade?: MapProps['shade']; tell: (e: React.MouseEvent, text: string) => void; hide: () => void }) {
  return (
    <g className={css.land} onMouseLeave={hide} onMouseMove={(e) => {
      const c = world.countries[Number((e.target as Element).getAttribute('data-n'))]
      const s = c.code ? shade?.(c.code) : undefined
      tell(e, s?.title ? `${c.name}\n${s.title}` : c.name)
    }}>
      {world.countries.map((c, i) => {
        const s = c.code ? shade?.(c.code) : undefined
        return <path key={c.code || i} d={c.d} data-n={i} data-country={c.code} data-shaded={s ? true : undefined} style={s ? { fill: s.fill, fillOpacity: s.opacity } : undefined} />
      })}
    </g>
  )
}, (a, b) => a.shade === b.shade)

/** Of many markers those that are well are dots: what is not well is what is looked for. */
const radius = (m: Marker) => (m.state === 'up' ? 4.5 : 7)

/** Where markers stand. Of several in one place each is moved aside, so that all can be seen; of many, what is not well stays and lies on top. */
function placed(markers: readonly Marker[], scale: number, dense: boolean) {
  const taken: [x: number, y: number, r: number][] = []
  const list = (dense ? markers.toSorted((a, b) => urgency[a.state] - urgency[b.state]) : markers).flatMap((m) => {
    const r = (dense ? (m.state === 'up' ? 4.5 : 9) : 6.5) * scale
    const p = projection([m.lon, m.lat])
    if (!p) return []
    let [x, y] = p
    for (let turn = 0; turn < 40 && taken.some(([a, b, o]) => (a - x) ** 2 + (b - y) ** 2 < (r + o) ** 2); turn++) {
      const away = 2 * r * (1 + Math.floor(turn / 8))
      x = p[0] + away * Math.cos((turn * Math.PI) / 4)
      y = p[1] + away * Math.sin((turn * Math.PI) / 4)
    }
    taken.push([x, y, r])
    return [{ m: markers.length > 30 ? { ...m, label: '' } : m, x, y, left: x > width - 130 }]
  })
  return dense ? list.reverse() : list
}

/** A bow to the north on the map: a great circle may leave it by one edge and come back by another. */
function arc({ from, to }: Arc): string {
  const a = projection([from[1], from[0]]), b = projection([to[1], to[0]])
  if (!a || !b) return ''
  const bend = Math.hypot(a[0] - b[0], a[1] - b[1]) * 0.4
  return `M${a} Q${(a[0] + b[0]) / 2} ${Math.max((a[1] + b[1]) / 2 - bend, 0)} ${b}`
}
