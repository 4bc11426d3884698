import { expect, test } from 'vitest'

import { offer } from './offer'

test('a list offers few of many choices, and what is chosen', () => {
  const groups = [{ group: 'Regions', items: ['region/a', 'region/b'] }, { group: 'Endpoints', items: Array.from({ length: 10_000 }, (_, i) => `endpoint/p/e${i}`) }]
  expect(offer(groups, '').map((g) => g.items.length)).toEqual([2, 78])
  expect(offer(groups, 'E9999')).toEqual([{ group: 'Endpoints', items: ['endpoint/p/e9999'] }])
  expect(offer(groups, 'region/b', ['endpoint/p/e9000'])).toEqual([{ group: 'Regions', items: ['region/b'] }, { group: 'Endpoints', items: ['endpoint/p/e9000'] }])
  expect(offer(groups, 'nothing')).toEqual([])
})
