import { describe, expect, it } from 'vitest'

import { inside, parentText, registrarText, withoutAddress } from './registrar'

const wanted = ['ns1.example.com', 'ns.example.net']
const addresses = new Map([['ns1.example.com', ['192.0.2.1', '2001:db8::1']], ['ns.example.net', ['198.51.100.1']]])

describe('what to write at the registrar', () => {
  it('knows what lies in a zone', () => {
    expect([inside('NS1.Example.com.', 'example.com'), inside('example.com', 'example.com'), inside('ns.badexample.com', 'example.com')]).toEqual([true, true, false])
  })
  it('has addresses of those nameservers alone that lie in the zone', () => {
    expect(registrarText('example.com', wanted, addresses)).toBe('ns1.example.com  192.0.2.1  2001:db8::1\nns.example.net')
    expect(parentText('example.com', wanted, addresses)).toBe('example.com. 3600 IN NS ns1.example.com.\nexample.com. 3600 IN NS ns.example.net.\nns1.example.com. 3600 IN A 192.0.2.1\nns1.example.com. 3600 IN AAAA 2001:db8::1')
  })
  it('says which of them have none', () => {
    expect(withoutAddress('example.com', ['ns2.example.com', ...wanted], addresses)).toEqual(['ns2.example.com'])
  })
})
