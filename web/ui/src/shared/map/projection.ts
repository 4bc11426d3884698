import { geoEqualEarth, geoPath } from 'd3-geo'

export const width = 960
export const height = 440

export const projection = geoEqualEarth().fitExtent([[4, 4], [width - 4, height + 34]], { type: 'Sphere' }) // without most of Antarctica
export const path = geoPath(projection).digits(1)
