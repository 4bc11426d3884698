import { describe, expect, it } from 'vitest'

import type { Schemas } from '../../api/client'
import { assumptionText, readAssumption, serviceOf, writeAssumption } from './assume'

describe('an assumption', () => {
  it('comes back as it was', () => {
    for (const t of ['down:region/us-east', 'share:label/env=prod=20', 'drain:endpoint/web-eu/a']) expect(writeAssumption(readAssumption(t))).toBe(t)
  })
  it('is told in words', () => {
    expect(assumptionText('share:region/us-east=20')).toBe('region/us-east keeps 20 %')
    expect(assumptionText('force-up:pool/web')).toBe('pool/web is forced up')
  })
})

describe('the service of a name', () => {
  const list = [{ names: ['www.example.com', 'alias.example.com'] }, { names: ['*.example.com'] }, { names: ['*.a.example.com'] }] as unknown as Schemas['Service'][]
  it('is that which has it, before any wildcard', () => expect(serviceOf('ALIAS.example.com.', list)).toBe(list[0]))
  it('is that of the nearest wildcard', () => {
    expect(serviceOf('x.a.example.com', list)).toBe(list[2])
    expect(serviceOf('x.b.example.com', list)).toBe(list[1])
  })
  it('is none for others', () => expect(serviceOf('example.com', list)).toBeUndefined())
})
