import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

import { geoGraticule10 } from 'd3-geo'
import type { Feature, FeatureCollection, Geometry } from 'geojson'
import { feature } from 'topojson-client'
import type { GeometryCollection, Topology } from 'topojson-specification'
import type { Plugin } from 'vite'

import { alpha2 } from './src/shared/map/iso'
import { path } from './src/shared/map/projection'

type Named = { name: string }

function codeOf(f: Feature<Geometry, Named>): string {
  if (f.properties.name === 'Kosovo') return 'XK'
  return (f.id !== undefined && alpha2[String(f.id).padStart(3, '0')]) || ''
}

/** A path of M, L and Z with each point told from the one before it, to a tenth, and no letter for L; points that would not move are left out. */
function relative(d: string): string {
  const tenths = (n: number) => (n % 10 === 0 ? String(n / 10) : (n / 10).toFixed(1).replace(/^(-?)0\./, '$1.'))
  let out = ''
  let x = 0, y = 0, first: [number, number] = [0, 0]
  for (const [, command, a, b] of d.matchAll(/([MLZ])(?:(-?[\d.]+),(-?[\d.]+))?/g)) {
    if (command === 'Z') {
      out += 'z'
      ;[x, y] = first
      continue
    }
    const p = Math.round(Number(a) * 10), q = Math.round(Number(b) * 10)
    const dx = tenths(p - x), dy = tenths(q - y)
    if (command === 'M') first = [p, q]
    else if (p === x && q === y) continue
    out += `${command === 'M' ? 'm' : dx.startsWith('-') ? '' : ' '}${dx}${dy.startsWith('-') ? '' : ' '}${dy}`
    ;[x, y] = [p, q]
  }
  return out
}

/** `virtual:world`: the countries of world-atlas as the map draws them, projected here so that no browser has to. */
export function world(): Plugin {
  const id = 'virtual:world'
  return {
    name: 'world',
    resolveId: (source) => (source === id ? '\0' + id : undefined),
    load(source) {
      if (source !== '\0' + id) return
      const atlas = JSON.parse(readFileSync(createRequire(import.meta.url).resolve('world-atlas/countries-110m.json'), 'utf8')) as Topology<{ countries: GeometryCollection<Named> }>
      const countries = (feature(atlas, atlas.objects.countries) as FeatureCollection<Geometry, Named>).features
        .filter((f) => f.id !== '010')
        .map((f) => ({ code: codeOf(f), name: f.properties.name, d: relative(path(f) ?? '') }))
      const drawn = { sphere: relative(path({ type: 'Sphere' }) ?? ''), grid: relative(path(geoGraticule10()) ?? ''), countries }
      return `export default JSON.parse(${JSON.stringify(JSON.stringify(drawn))})` // which browsers read faster than a literal
    },
  }
}
