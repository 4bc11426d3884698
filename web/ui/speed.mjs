// How fast the UI is at a running node: `node speed.mjs [ROUTE...]` logs in with MERIDIAN_TOKEN at MERIDIAN_ADDR (by default that of the demo), loads each
// route (by default /) RUNS times (5) with an empty cache and the CPU slowed down SLOWER times (4), and prints the medians of: what came over the wire
// until it was interactive, first contentful paint, when it was interactive, and for how long tasks blocked until then. Interactive is the end of the
// last task of 50 ms or more that is followed by 5 s without one, as Lighthouse has it. SCROLL=1 also scrolls the first table by 6,000 pixels a second.
import { chromium } from 'playwright-core'

const routes = process.argv.slice(2)
const addr = process.env.MERIDIAN_ADDR ?? 'http://127.0.0.1:8080'
const runs = Number(process.env.RUNS ?? 5)
const rate = Number(process.env.SLOWER ?? 4)
const quiet = 5_000
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] })
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)]

/** What the trace of f has, and the tasks of the page's main thread in it, in milliseconds. */
async function traced(cdp, f) {
  const events = []
  const take = (e) => events.push(...e.value)
  cdp.on('Tracing.dataCollected', take)
  await cdp.send('Tracing.start', { transferMode: 'ReportEvents', traceConfig: { includedCategories: ['toplevel', 'devtools.timeline', 'loading', 'blink.user_timing'] } })
  await f()
  const done = new Promise((r) => cdp.once('Tracing.tracingComplete', r))
  await cdp.send('Tracing.end')
  await done
  cdp.off('Tracing.dataCollected', take)
  const tasks = events.filter((e) => e.name === 'RunTask' || e.name === 'ThreadControllerImpl::RunTask')
  const sent = events.filter((e) => e.name === 'ResourceSendRequest' && e.args?.data?.url?.startsWith(addr)).map((e) => e.ts) // the first is that of the page
  const start = sent.length ? Math.min(...sent) : Math.min(...tasks.map((e) => e.ts))
  const busy = new Map()
  for (const t of tasks) busy.set(`${t.pid} ${t.tid}`, (busy.get(`${t.pid} ${t.tid}`) ?? 0) + (t.dur ?? 0))
  const main = events.filter((e) => e.name === 'thread_name' && e.args.name === 'CrRendererMain').map((e) => `${e.pid} ${e.tid}`).sort((a, b) => (busy.get(b) ?? 0) - (busy.get(a) ?? 0))[0]
  return {
    events, start,
    tasks: tasks.filter((t) => `${t.pid} ${t.tid}` === main && t.ts >= start).map((t) => ({ at: (t.ts - start) / 1000, for: (t.dur ?? 0) / 1000 })).sort((a, b) => a.at - b.at),
  }
}

async function visitor() {
  const context = await browser.newContext({ viewport: { width: 1350, height: 940 } })
  if (process.env.MERIDIAN_TOKEN) {
    const res = await context.request.post(`${addr}/api/v1/session/token`, { data: { token: process.env.MERIDIAN_TOKEN }, headers: { 'Sec-Fetch-Site': 'same-origin' } })
    if (!res.ok()) throw new Error(`log-in: ${res.status()} ${await res.text()}`)
  }
  const page = await context.newPage()
  return { context, page, cdp: await context.newCDPSession(page) }
}

async function load(route) {
  const { context, page, cdp } = await visitor()
  await cdp.send('Network.enable')
  let files = 0
  const kinds = new Map()
  cdp.on('Network.responseReceived', (e) => kinds.set(e.requestId, new URL(e.response.url).pathname))
  let counting = true
  setTimeout(() => { counting = false }, 5_000) // what comes when nothing else is to be done is not of the first load
  cdp.on('Network.loadingFinished', (e) => { if (counting && !kinds.get(e.requestId)?.startsWith('/api/')) files += e.encodedDataLength })
  await cdp.send('Emulation.setCPUThrottlingRate', { rate })
  const { events, start, tasks } = await traced(cdp, async () => { await page.goto(addr + route); await page.waitForTimeout(Number(process.env.WATCH ?? 12) * 1000) })
  await context.close()
  const fcp = ((events.find((e) => e.name === 'firstContentfulPaint' && e.ts > start)?.ts ?? start) - start) / 1000
  let interactive = fcp
  let blocked = 0
  const long = []
  for (const t of tasks) {
    if (t.at > interactive + quiet) break
    if (t.for < 50 || t.at + t.for < fcp) continue
    interactive = Math.max(interactive, t.at + t.for)
    blocked += t.for - 50
    long.push(`${Math.round(t.at)}+${Math.round(t.for)}`)
  }
  const cpu = tasks.filter((t) => t.at < interactive).reduce((sum, t) => sum + t.for, 0)
  const late = tasks.filter((t) => t.at > interactive)
  return { files, fcp, interactive, blocked, cpu, long, after: late.reduce((s, t) => s + t.for, 0) / Math.max(1, (tasks.at(-1)?.at ?? 0) - interactive) }
}

async function scroll(route) {
  const { context, page, cdp } = await visitor()
  await page.goto(addr + route)
  const box = page.locator('[role=table]').locator('..').first()
  await box.waitFor()
  await page.waitForTimeout(1500)
  let frames
  const { tasks } = await traced(cdp, async () => {
    frames = await box.evaluate((el) => new Promise((done) => {
      const from = performance.now()
      const at = []
      const step = (t) => {
        at.push(t)
        el.scrollTop = (performance.now() - from) * 6
        if (performance.now() - from < 3000) requestAnimationFrame(step)
        else done(at.slice(1).map((t, i) => t - at[i]))
      }
      requestAnimationFrame(step)
    }))
  })
  await context.close()
  const cpu = tasks.reduce((sum, t) => sum + t.for, 0)
  console.log(`${route}: scrolled ${frames.length} frames in 3 s, ${(frames.length / 3).toFixed(0)} a second; median frame ${median(frames).toFixed(1)} ms, worst ${Math.max(...frames).toFixed(0)} ms; ${(cpu / frames.length).toFixed(1)} ms of the main thread a frame`)
}

for (const route of routes.length ? routes : ['/']) {
  const got = []
  for (let i = 0; i < runs; i++) got.push(await load(route))
  const m = (key) => Math.round(median(got.map((g) => g[key])))
  console.log(`${route}, CPU ${rate} times slower: ${(m('files') / 1000).toFixed(0)} kB of files, first paint ${m('fcp')} ms, interactive ${m('interactive')} ms (${got.map((g) => Math.round(g.interactive)).join(', ')}), blocked ${m('blocked')} ms, ${m('cpu')} ms of CPU until then, ${(median(got.map((g) => g.after)) * 100).toFixed(1)} % of it after`)
  if (process.env.LONG) console.log(got.at(-1).long.join(' '))
  if (process.env.SCROLL) await scroll(route)
}
await browser.close()
