import { Select, Skeleton, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'

import { serviceName } from '../../api/names'
import { get } from '../../api/queries'
import { groupBy, poolsOf } from '../../api/standing'
import { EffectTable } from '../../shared/Effect'
import { ErrorBox } from '../../shared/ErrorBox'
import { count } from '../../shared/number'
import { Panel } from '../../shared/Panel'
import { ShareBar, percent } from '../../shared/Share'
import { WorldMap } from '../../shared/map'
import css from './Drills.module.css'
import { markers, useRegionColors, useShade } from '../overview/world'
import { usePoolHealth, useTemplates } from '../services/uses'

/** Whom a drill moves: the world as it would be answered, and what is another answer than now. */
export function Preview({ assume, service, set }: { assume: string[]; service?: string; set: (service: string) => void }) {
  const services = useQuery(get('/services')).data?.body.items
  const regions = useQuery(get('/regions')).data?.body.items
  const points = useQuery(get('/geo/points')).data?.body.items
  const groups = usePoolHealth()
  const templates = useTemplates()
  const names = useMemo(() => (services ?? []).map(serviceName).sort(), [services])
  const touched = useMemo(() => {
    const regionsOf = new Map(groups && Map.groupBy(groups, (g) => g.pool))
    const hit = (pool: string) => assume.some((a) => {
      const [kind, name] = a.slice(a.indexOf(':') + 1).split('/')
      return kind === 'region' ? regionsOf.get(pool)?.some((g) => g.region === name) : (kind === 'pool' || kind === 'endpoint') && name === pool
    })
    return (services ?? []).filter((s) => [...poolsOf({ ...s.steer, lastResort: s.lastResort }, templates)].some(hit)).map(serviceName).sort()
  }, [services, templates, groups, assume])
  const shown = service ?? (groups ? touched[0] ?? names[0] : undefined)
  const answers = useQuery({ ...get('/answers', { params: { query: { service: shown, assume } } }), enabled: !!shown && assume.length > 0, retry: false, placeholderData: (old) => old })
  const body = answers.data?.body
  const color = useRegionColors((regions ?? []).map((r) => r.name), body?.regions.map((r) => r.region))
  const shade = useShade(body, color)
  const shares = useMemo(() => new Map(body?.regions.map((r) => [r.region, r.probability])), [body])
  const standings = useMemo(() => groupBy(groups ?? [], (g) => g.region), [groups])
  if (assume.length === 0) return null
  return (
    <Panel title="Whom it moves" note={`worked out from the state of now${touched.length > 1 ? `; ${count(touched.length)} services answer from it` : ''}`} actions={names.length > 1 && <Select size="xs" w={240} aria-label="Service" data={names} value={shown ?? null} onChange={(v) => { if (v) set(v) }} searchable limit={80} allowDeselect={false} />}>
      {names.length === 0 && services ? <Text size="sm" c="dimmed">No name is steered, so it moves nobody.</Text> : answers.error && !body ? <ErrorBox error={answers.error} /> : (
        <div className={css.preview}>
          <div>
            <WorldMap label={`World map: each country in the colour of the region that would answer ${shown}. The table beside it says what changes.`} shade={shade} markers={markers(points ?? [], standings, shares, color)} />
            {body && <>
              <ShareBar label="Shares of the world" parts={body.regions.slice(0, 40).map((r) => ({ name: r.region || 'no region', share: r.probability, color: color(r.region) }))} />
              <div className="legend">
                {body.regions.slice(0, 12).map((r) => <span key={r.region}><i className="swatch" style={{ background: color(r.region) }} /><b className="mono">{r.region || 'no region'}</b><span className="num">{percent(r.probability)}</span></span>)}
                {body.nothing > 0 && <span><i className="swatch" style={{ background: 'var(--m-down)' }} />no answer {percent(body.nothing)}</span>}
              </div>
            </>}
          </div>
          <Stack gap="xs">
            {!body ? <Skeleton height={120} /> : body.difference ? <EffectTable effect={body.difference} rows={10} /> : <Text size="sm"><b className="mono">{shown}</b>: no client gets another answer.</Text>}
            <Text size="xs" c="dimmed">Assumed: <span className="mono">{assume.slice(0, 6).join(', ')}{assume.length > 6 ? ' …' : ''}</span></Text>
          </Stack>
        </div>
      )}
    </Panel>
  )
}
