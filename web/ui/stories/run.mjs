// Tells stories of the UI against real nodes: `node stories/run.mjs [--short] [NAME…]`. MERIDIAN names the program (by default bin/meridian),
// CHROMIUM the browser, STORIES_DIR where pictures of failures go. As root on Linux it works in a network namespace of its own, so that
// ports are free whatever else runs. It ends with 1 when a story failed.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))

if (process.platform === 'linux' && process.getuid() === 0 && !process.env.STORIES_INSIDE && spawnSync('unshare', ['-n', 'ip', 'link', 'set', 'lo', 'up']).status === 0) {
  const r = spawnSync('unshare', ['-n', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh', process.execPath, ...process.argv.slice(1)], { stdio: 'inherit', env: { ...process.env, STORIES_INSIDE: '1' } })
  process.exit(r.status ?? 1)
}

const { chromium } = await import('playwright-core')
const { Story } = await import('./lib/story.mjs')
const worlds = await import('./lib/world.mjs')

const args = process.argv.slice(2)
const short = args.includes('--short')
const wanted = args.filter((a) => !a.startsWith('-'))
const all = readdirSync(here).filter((f) => f.endsWith('.mjs') && f !== 'run.mjs').map((f) => f.slice(0, -4)).sort()
const unknown = wanted.filter((w) => !all.includes(w))
if (unknown.length || args.some((a) => a.startsWith('-') && a !== '--short')) {
  console.error(`usage: node stories/run.mjs [--short] [NAME…]\nstories: ${all.join(' ')}`)
  process.exit(2)
}
const stories = (await Promise.all(all.filter((n) => !wanted.length || wanted.includes(n)).map(async (name) => ({ name, world: 'demo', ...(await import(`./${name}.mjs`)).default }))))
  .filter((s) => !short || wanted.length || s.short)
  .sort((a, b) => a.world.localeCompare(b.world) * -1 || (a.order ?? 5) - (b.order ?? 5))

const shots = process.env.STORIES_DIR ?? mkdtempSync(join(tmpdir(), 'stories-shots-'))
mkdirSync(shots, { recursive: true })
const program = process.env.CHROMIUM ?? '/usr/bin/chromium'
if (!existsSync(program)) {
  console.error(`${program} is not there: install Debian's package chromium, or name a browser in CHROMIUM`)
  process.exit(2)
}
const browser = await chromium.launch({ executablePath: program, args: ['--no-sandbox', '--disable-dev-shm-usage'] })
let world
let failed = 0
const leave = async () => { const w = world; world = undefined; await w?.stop() }
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void leave().finally(() => process.exit(1)))

/** An error without the colours and the endless tries that a browser's has. */
function tell(error) {
  const lines = String(error.stack ?? error).replace(/\x1b\[\d+m/g, '').split('\n').map((l) => l.slice(0, 300))
  return [...lines.slice(0, 14), ...lines.slice(14).filter((l) => l.includes('/stories/'))].join('\n    ')
}

const began = Date.now()
for (const s of stories) {
  if (world?.kind !== s.world || s.fresh) {
    await leave()
    const from = Date.now()
    world = await worlds[s.world]()
    console.log(`      ${s.world} started in ${((Date.now() - from) / 1000).toFixed(1)} s`)
  }
  const story = new Story(browser, world, s.name, shots)
  const from = Date.now()
  let error
  try {
    await s.run(story)
  } catch (err) {
    error = err
  }
  const took = `${((Date.now() - from) / 1000).toFixed(1)} s`
  if (!error && story.findings.length === 0) console.log(`ok    ${s.name}: ${s.title} (${took})`)
  else {
    failed++
    console.log(`FAIL  ${s.name}: ${s.title} (${took})`)
    if (error) console.log(`    at: ${story.at}\n    ${tell(error)}`)
    for (const f of story.findings) console.log(`    found: ${f}`)
    for (const p of await story.pictures()) console.log(`    picture: ${p}`)
    for (const l of world.logs) console.log(`    log of ${l}:\n${readFileSync(l, 'utf8').trim().split('\n').slice(-15).map((t) => `      ${t}`).join('\n')}`)
  }
  for (const n of story.notes) console.log(`    ${n}`)
  await story.close()
  if (error || s.fresh) await leave() // what it left behind is nobody else's
}
await browser.close()
await leave()
console.log(failed ? `${failed} of ${stories.length} stories failed` : `${stories.length} stories, all well, in ${((Date.now() - began) / 1000).toFixed(0)} s`)
process.exit(failed ? 1 : 0)
