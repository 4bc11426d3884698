import { useQuery } from '@tanstack/react-query'
import { useEffect, useMemo, useRef, useState } from 'react'

import type { Schemas } from '../../api/client'
import { get } from '../../api/queries'
import type { Arc, Marker, Shade } from '../../shared/map'
import { useRegionColors } from '../../shared/map/colors'
import { percent } from '../../shared/Share'
import { stateWord } from '../../shared/Status'
import { useTick } from '../../shared/Time'
import { type Standing } from '../../api/standing'
import { answersQuery } from './ask'

export type Answers = Schemas['Answers']

/** A distribution by region, the largest share first. */
const parts = (list: readonly Schemas['AnswerShare'][]) => {
  const sum = new Map<string, number>()
  for (const s of list) sum.set(s.region || 'no region', (sum.get(s.region || 'no region') ?? 0) + s.probability)
  return [...sum].sort((a, b) => b[1] - a[1])
}

/** The region that answers most, and how much unless it is all. */
export function mostly(list: readonly Schemas['AnswerShare'][]): string {
  const [first] = parts(list)
  return first ? `${first[0]}${first[1] < 0.995 ? ` ${percent(first[1])}` : ''}` : 'no answer'
}

/** What the map shows of answers: each country in the colour of the region that answers most of it, the paler the less it has. */
export function useShade(answers: Answers | undefined, color: (region: string) => string) {
  return useMemo(() => {
    if (!answers) return undefined
    const of = new Map<string, Shade>()
    for (const c of answers.countries) {
      const list = parts(c.distribution)
      const first = list[0]
      const title = list.slice(0, 5).map(([r, p]) => `${r} ${percent(p)}`).join('\n') + (list.length > 5 ? `\nand ${list.length - 5} more` : '')
      of.set(c.country, first ? { fill: color(first[0]), opacity: 0.35 + 0.6 * first[1], title } : { fill: 'var(--m-down)', title: 'no answer' })
    }
    return (country: string) => of.get(country)
  }, [answers, color])
}

/** Regions as markers, in the state of what stands there. */
export function markers(points: readonly Schemas['RegionPoint'][], standings: Map<string, Standing>, shares: Map<string, number>, color: (r: string) => string, moving?: Map<string, Schemas['Control']>): Marker[] {
  return points.map((p) => {
    const s = standings.get(p.region)
    const share = shares.get(p.region) ?? 0
    const going = moving?.get(p.region)
    return {
      id: p.region, lat: p.lat, lon: p.lon, label: p.region, state: going && s?.state === 'up' ? 'drained' : s?.state ?? 'unknown', color: share > 0 ? color(p.region) : undefined,
      title: `${p.region}\n${s ? `${s.up}/${s.all} endpoints, ${stateWord[s.state]}` : 'no endpoints'}${going ? `\n${movingText(going)}` : ''}\nanswers ${percent(share)} of the world`,
    }
  })
}

/** Regions whose clients leave or come back by steps now, or that keep a share of them. */
export function movingRegions(controls: readonly Schemas['Control'][]): Map<string, Schemas['Control']> {
  return new Map(controls.filter((c) => c.target.startsWith('region/') && (c.action === 'drain' || c.action === 'share') && c.kept !== undefined && c.kept > 0 && ['ramping', 'paused', 'returning', 'in-force'].includes(c.phase)).map((c) => [c.target.slice(7), c]))
}

/** "keeps 40 %", and which way it goes. */
export function movingText(c: Schemas['Control']): string {
  const way = { ramping: 'leaving, ', paused: 'paused, ', returning: 'returning, ' }[c.phase as string] ?? ''
  return `${way}keeps ${c.kept} %`
}

/** Arcs from regions that clients are leaving to those that have gained, for as long as resolvers may still hold what was answered before. */
export function useArcs(answers: Answers | undefined, points: readonly Schemas['RegionPoint'][], regionOf: Map<string, string>): Arc[] {
  const windows = useQuery(get('/windows')).data?.body.items
  const controls = useQuery(get('/controls')).data?.body.items
  const calm = useRef<Map<string, number>>(undefined)
  const [before, setBefore] = useState<Map<string, number>>()
  const closing = useMemo(() => (windows ?? []).filter((w) => w.cause !== 'steering').map((w) => ({ region: regionOf.get(w.endpoint), until: new Date(w.closesAt).getTime() })), [windows, regionOf])
  const ramping = useMemo(() => [...movingRegions(controls ?? [])].filter(([, c]) => c.phase === 'ramping').map(([r]) => r), [controls])
  const moving = useTick((now) => [...new Set([...ramping, ...closing.flatMap((w) => (w.until > now && w.region) || [])])].sort().join('\n'))
  const known = !!windows && !!controls // only then is it calm when nothing moves
  const shares = useMemo(() => new Map(answers?.regions.map((r) => [r.region, r.probability])), [answers])
  useEffect(() => {
    if (!answers || !known) return
    if (moving === '') calm.current = shares
    else setBefore(calm.current)
  }, [answers, known, moving, shares])
  return useMemo(() => {
    if (moving === '') return none
    const leaving = moving.split('\n')
    const at = new Map(points.map((p) => [p.region, [p.lat, p.lon] as [number, number]]))
    const gained = [...shares].filter(([r, s]) => s > (before?.get(r) ?? 0) + 0.001 && !leaving.includes(r)).map(([r]) => r)
    return leaving.flatMap((from) => gained.flatMap((to) => {
      const a = at.get(from), b = at.get(to)
      return a && b ? [{ id: `${from}>${to}`, from: a, to: b, color: 'var(--m-arc)' }] : []
    }))
  }, [moving, points, shares, before])
}

const none: Arc[] = []

/** The answers of the world over all services, or of one; what was there stays until what is new has come. */
export function useAnswers(service?: string) {
  return useQuery({ ...answersQuery(service), placeholderData: (old) => old })
}

export { useRegionColors }
