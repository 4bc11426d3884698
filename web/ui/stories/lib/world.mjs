// Real nodes for stories: the demo, or three processes of which one can be killed.
import { spawn } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { until } from './until.mjs'

export const token = 'stories-token-0123456789'
export const bin = process.env.MERIDIAN ?? new URL('../../../../bin/meridian', import.meta.url).pathname
const regions = [
  { name: 'us-east', iata: 'IAD', provider: 'aws', address: '127.0.1.1' },
  { name: 'eu-central', iata: 'FRA', provider: 'gcp', address: '127.0.2.1' },
  { name: 'ap-southeast', iata: 'SIN', provider: 'azure', address: '127.0.3.1' },
]

/** One process that writes to a log file. */
function run(args, log) {
  if (!existsSync(bin)) throw new Error(`${bin} is not there: run "make build" first, or name the program in MERIDIAN`)
  const fd = openSync(log, 'a')
  const p = spawn(bin, args, { stdio: ['ignore', fd, fd], env: { ...process.env, MERIDIAN_TOKEN: token } })
  closeSync(fd)
  const over = new Promise((done) => p.once('exit', done))
  return { alive: () => p.exitCode === null && p.signalCode === null, kill: async (signal = 'SIGTERM') => { p.kill(signal); await over } }
}

/** A call of the API as no page makes it: by token, with its status and body. */
export async function call(addr, method, path, body, { as = token, headers = {}, type = 'application/json' } = {}) {
  const res = await fetch(`${addr}/api/v1${path}`, {
    method, headers: { Authorization: `Bearer ${as}`, ...(body === undefined ? {} : { 'Content-Type': type }), ...headers },
    body: body === undefined ? undefined : type === 'application/json' ? JSON.stringify(body) : body,
  })
  const text = await res.text()
  let read = text
  try { read = JSON.parse(text) } catch { /* a document */ }
  return { status: res.status, body: read, etag: res.headers.get('ETag') ?? undefined }
}

/** `meridian demo`, as anybody starts it. */
export async function demo() {
  const dir = mkdtempSync(join(tmpdir(), 'meridian-stories-'))
  const log = join(dir, 'demo.log')
  const p = run(['demo', '--data-dir', join(dir, 'data')], log)
  const addrs = ['http://127.0.0.1:8080', 'http://127.0.0.1:8081', 'http://127.0.0.1:8082']
  const stop = async () => { if (p.alive()) await p.kill(); rmSync(dir, { recursive: true, force: true }) }
  try {
    await until('the demo is ready', () => {
      if (!p.alive()) throw Object.assign(new Error('the demo ended'), { fatal: true })
      if (!/^ready$/m.test(readFileSync(log, 'utf8'))) throw new Error('it does not say "ready"')
    }, 120_000)
  } catch (err) {
    err.message += `\n${readFileSync(log, 'utf8').slice(-2000)}`
    await stop()
    throw err
  }
  return { kind: 'demo', addr: addrs[0], addrs, logs: [log], stop, faults: (what, region) => fetch(`http://127.0.0.1:8090/${what}/${region}`, { method: 'POST' }) }
}

/** Three `meridian serve` on loopback, each a process of its own. */
export async function cluster() {
  const dir = mkdtempSync(join(tmpdir(), 'meridian-stories-'))
  const backends = await Promise.all(regions.map((r) => new Promise((done, fail) => {
    const s = createServer((_, res) => res.end(r.name))
    s.once('error', fail)
    s.listen(8000, r.address, () => done(s))
  })))
  const nodes = regions.map((r, i) => {
    const config = join(dir, `${r.name}.yaml`), log = join(dir, `${r.name}.log`)
    mkdirSync(join(dir, r.name))
    writeFileSync(config, `node: ${r.name}\nregion: ${r.name}\ndataDir: ${join(dir, r.name)}\ndns: {listen: ["127.0.0.1:${5301 + i}"]}\napi: {listen: "127.0.0.1:${8080 + i}"}\n`
      + `cluster: {listen: "127.0.0.1:${7301 + i}", ${i ? 'join: ["127.0.0.1:7301"]' : 'bootstrap: true'}}\nprobing: {allow: ["127.0.0.0/8"]}\nnotifications: {allow: ["127.0.0.0/8"]}\n`)
    const node = { name: r.name, addr: `http://127.0.0.1:${8080 + i}`, log, start: () => { node.process = run(['serve', '--config', config], log) } }
    node.start()
    return node
  })
  const stop = async () => {
    await Promise.all(nodes.map((n) => n.process.alive() && n.process.kill('SIGKILL')))
    backends.forEach((b) => { b.closeAllConnections(); b.close() })
    rmSync(dir, { recursive: true, force: true })
  }
  const at = nodes[0].addr
  const must = async (...args) => {
    const got = await call(...args)
    if (got.status >= 300) throw new Error(`${args[1]} ${args[2]}: ${got.status} ${JSON.stringify(got.body)}`)
    return got
  }
  try {
    await until('three nodes vote', async () => {
      const { body } = await must(at, 'GET', '/cluster')
      if (!body.leader || body.members.filter((m) => m.voter).length < 3) throw new Error(`leader ${body.leader}, ${body.members.length} members`)
    }, 120_000)
    await must(at, 'PUT', '/zones/example.com', '@ 300 IN SOA ns1 hostmaster 1 3600 900 1209600 60\n@ 300 IN NS ns1\nns1 300 IN A 127.0.0.1\n', { type: 'text/dns' })
    await must(at, 'PUT', '/config', {
      regions: regions.map(({ name, iata, provider }) => ({ name, provider, place: { iata } })),
      monitors: [{ name: 'web', http: { port: 8000, path: '/' }, interval: '1s', timeout: '500ms', fall: 3, rise: 2 }],
      pools: regions.map((r) => ({ name: `web-${r.name}`, region: r.name, monitor: 'web', endpoints: [{ name: 'a', address: r.address }] })),
      services: [{ name: 'www.example.com', ttl: 5, steer: { nearest: regions.map((r) => ({ pool: `web-${r.name}` })) } }],
    })
  } catch (err) {
    err.message += `\n${readFileSync(nodes[0].log, 'utf8').slice(-2000)}`
    await stop()
    throw err
  }
  return { kind: 'cluster', addr: at, addrs: nodes.map((n) => n.addr), logs: nodes.map((n) => n.log), nodes, stop }
}
