import { describe, expect, it } from 'vitest'

import { absolute, readLines, relative, skeleton, wrongRecord } from './records'

describe('a name in a zone', () => {
  it('is made absolute as it was meant', () => {
    expect(['@', '', 'www', 'www.example.com', 'WWW.Example.COM', 'a.example.net.'].map((t) => absolute(t, 'example.com'))).toEqual(
      ['example.com.', 'example.com.', 'www.example.com.', 'www.example.com.', 'WWW.Example.COM.', 'a.example.net.'])
  })
  it('is not taken for within by its letters alone', () => expect(absolute('notexample.com', 'example.com')).toBe('notexample.com.example.com.'))
  it('is short', () => expect(['example.com.', 'a.b.example.com.', 'example.net.'].map((n) => relative(n, 'example.com'))).toEqual(['@', 'a.b', 'example.net.']))
})

describe('records', () => {
  it('are refused where they are plainly wrong', () => {
    expect(wrongRecord('A', '192.0.2.256')).toBeDefined()
    expect(wrongRecord('A', '192.0.2.25')).toBeUndefined()
    expect(wrongRecord('MX', '10 mail.example.net')).toMatch(/final dot/)
    expect(wrongRecord('MX', '10 .')).toBeUndefined()
    expect(wrongRecord('A', '\\# 4 c0000201')).toBeUndefined()
  })
  it('are told by their lines', () => expect(readLines('A', '192.0.2.1\n\nx\n')).toEqual({ records: ['192.0.2.1', 'x'], wrong: ['line 3: an IPv4 address, as 192.0.2.1'] }))
  it('of a CNAME are one', () => expect(readLines('CNAME', 'a.\nb.').wrong).toEqual(['a CNAME is one record']))
})

describe('a new zone', () => {
  it('has its SOA and NS', () => expect(skeleton('example.org', 'ns1.example.org', 'hostmaster@example.org')).toContain('SOA ns1.example.org. hostmaster.example.org. 1 '))
})
