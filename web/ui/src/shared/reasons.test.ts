import { expect, test } from 'vitest'

import { count } from './number'
import { told } from './reasons'

test('what is said of many endpoints alike is said once', () => {
  const drop = (e: string, why: string) => `nearest[0].pool web drops endpoint/web/${e}: ${why}`
  const all = ['the client is in US', ...['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((e) => drop(e, 'drained by control c7')), drop('h', 'down'), 'TTL 30 s']
  expect(told(all).map((t) => t.text)).toEqual([
    'the client is in US', 'nearest[0].pool web drops 7 endpoints, a, b, c to g: drained by control c7', drop('h', 'down'), 'TTL 30 s',
  ])
  expect(told(all.slice(1, 4), new Set([all[1]!])).map((t) => [t.text, t.fresh])).toEqual([
    [all[1], false], ['nearest[0].pool web drops 2 endpoints, b, c: drained by control c7', true],
  ])
})

test('counts have thousands apart', () => expect([7, 999, 1000, 1234567].map(count)).toEqual(['7', '999', '1,000', '1,234,567']))
