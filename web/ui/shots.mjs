// Looks at pages of a running node: `node shots.mjs DIR ROUTE...` logs in with MERIDIAN_TOKEN at MERIDIAN_ADDR (by default that of the demo),
// takes a picture of each route at 1440 and 375 pixels, light and dark, runs axe on it, and prints what axe finds serious, what the content
// security policy refused, and what the console complained of. It ends with 1 if there was any. CHROMIUM names the browser.
import { mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { chromium } from 'playwright-core'

const [dir, ...routes] = process.argv.slice(2)
if (!dir || routes.length === 0) {
  console.error('usage: MERIDIAN_TOKEN=... node shots.mjs DIR ROUTE...')
  process.exit(2)
}
const addr = process.env.MERIDIAN_ADDR ?? 'http://127.0.0.1:8080'
const wait = Number(process.env.SHOTS_WAIT ?? 1200)
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
mkdirSync(dir, { recursive: true })
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] })
let bad = 0
const say = (...what) => { bad++; console.log(...what) }
for (const [width, height] of [[1440, 900], [375, 812]]) {
  for (const scheme of ['light', 'dark']) {
    const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme, hasTouch: width < 500, reducedMotion: 'reduce' })
    if (process.env.MERIDIAN_TOKEN) {
      const res = await context.request.post(`${addr}/api/v1/session/token`, { data: { token: process.env.MERIDIAN_TOKEN }, headers: { 'Sec-Fetch-Site': 'same-origin' } })
      if (!res.ok()) throw new Error(`log-in: ${res.status()} ${await res.text()}`)
    }
    await context.addInitScript(() => document.addEventListener('securitypolicyviolation', (e) => console.error(`CSP: ${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}:${e.lineNumber}`)))
    for (const route of routes) {
      const page = await context.newPage()
      const at = `${route} ${width} ${scheme}`
      page.on('console', (m) => { if (['error', 'warning'].includes(m.type())) if (!m.location().url.endsWith('/auth/oidc/login')) say(`${at}: console: ${m.text()}`) }) // that one is asked for whether it is there
      page.on('pageerror', (e) => say(`${at}: threw: ${e.stack ?? e}`))
      await page.goto(addr + route)
      await page.waitForTimeout(wait)
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
      if (wide > 0) say(`${at}: the page is ${wide} px wider than the window`)
      await page.screenshot({ path: join(dir, `${route.replace(/[^\w.-]+/g, '_').replace(/^_|_$/g, '') || 'overview'}-${width}-${scheme}.png`), fullPage: true })
      const cdp = await context.newCDPSession(page) // which the policy does not bind, as it does a script tag
      await cdp.send('Runtime.evaluate', { expression: axe })
      const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }))
      for (const v of found.violations.filter((v) => ['serious', 'critical'].includes(v.impact))) {
        say(`${at}: axe: ${v.id} (${v.impact}): ${v.help}\n${v.nodes.slice(0, 4).map((n) => '    ' + n.html.slice(0, 160) + ' ' + (n.any[0]?.message ?? '')).join('\n')}`)
      }
      await page.close()
    }
    await context.close()
  }
}
await browser.close()
console.log(bad ? `${bad} findings` : 'nothing found')
process.exit(bad ? 1 : 0)
