// What a story is told with: pages of a browser, calls of the API, steps, and an eye on what must never happen in any page.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

import { until } from './until.mjs'
import { call, token } from './world.mjs'

const axeCode = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

export class Story {
  findings = [] // what makes a story fail that came to its end
  notes = []
  at = 'the beginning'
  pages = []
  contexts = []

  constructor(browser, world, name, shots) {
    Object.assign(this, { browser, world, name, shots, addr: world.addr, token })
  }

  /** Names what is done now, for who reads that it failed. */
  async step(what, f) {
    this.at = what
    return f()
  }

  note(what) {
    this.notes.push(what)
  }

  find(what) {
    if (!this.findings.includes(what)) this.findings.push(what)
  }

  api(method, path, body, options) {
    return call(options?.addr ?? this.addr, method, path, body, options)
  }

  /** The same, where a refusal ends the story. */
  async put(method, path, body, options) {
    const got = await this.api(method, path, body, options)
    if (got.status >= 300) throw new Error(`${method} ${path}: ${got.status} ${JSON.stringify(got.body)}`)
    return got
  }

  until(what, f, limit) {
    return until(what, f, limit)
  }

  /** A browser of its own, with nobody logged in. */
  async visitor({ addr = this.addr, width = 1440, height = 900, scheme = 'light' } = {}) {
    const context = await this.browser.newContext({ baseURL: addr, viewport: { width, height }, colorScheme: scheme, reducedMotion: 'reduce', locale: 'en-GB', timezoneId: 'Africa/Lagos', acceptDownloads: true, permissions: ['clipboard-read', 'clipboard-write'] })
    context.setDefaultTimeout(30_000)
    await context.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', (e) => console.error(`CSP: ${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}:${e.lineNumber}`))
    })
    this.contexts.push(context)
    return this.watch(await context.newPage())
  }

  watch(page) {
    page.on('console', (m) => {
      // A refusal is an answer of the API, which stories check where they mean it; the rest is a fault of a page.
      if (['error', 'warning'].includes(m.type()) && !/^Failed to load resource/.test(m.text())) this.find(`console, ${new URL(page.url()).pathname}: ${m.text()}`)
    })
    page.on('pageerror', (e) => this.find(`a page threw, ${new URL(page.url()).pathname}: ${e.stack ?? e}`))
    page.on('dialog', (d) => { this.find(`a dialog opened: ${d.message()}`); void d.dismiss() })
    page.on('response', (r) => {
      const url = new URL(r.url())
      if (r.status() >= 500 && r.status() !== 503 || r.status() === 404 && !url.pathname.startsWith('/api/')) this.find(`${r.request().method()} ${url.pathname}: ${r.status()}`)
    })
    this.pages.push(page)
    return page
  }

  /** A page of somebody who is logged in: by token, or by user and password. */
  async login(who = { token }, options) {
    const page = await this.visitor(options)
    const res = await page.context().request.post(who.token ? '/api/v1/session/token' : '/api/v1/session', { data: who, headers: { 'Sec-Fetch-Site': 'same-origin' } })
    if (!res.ok()) throw new Error(`log-in: ${res.status()} ${await res.text()}`)
    return page
  }

  /** Goes to a path, and waits until its title is there. */
  async go(page, path, title) {
    await page.goto(path)
    const h1 = page.locator('h1').first()
    await h1.waitFor()
    if (title) await this.sees(page.getByRole('heading', { level: 1, name: title }))
  }

  /** Waits until a locator is in sight. */
  async sees(locator, limit = 30_000) {
    await locator.first().waitFor({ state: 'visible', timeout: limit })
  }

  async gone(locator, limit = 30_000) {
    await locator.first().waitFor({ state: 'hidden', timeout: limit })
  }

  /** Opens the box of a button, fills it and confirms; the box has closed after. */
  async confirm(page, button, { reason, type, fill } = {}) {
    const box = await this.open(page, button)
    if (fill) await fill(box)
    if (type) await box.getByLabel(/^Type /).fill(type)
    if (reason) await box.getByLabel('Reason').fill(reason)
    await box.locator('button[type=submit]').click()
    await this.gone(box)
  }

  async open(page, button) {
    const b = typeof button === 'string' ? page.getByRole('button', { name: button, exact: true }).first() : button
    await b.click()
    const box = page.getByRole('dialog').last()
    await this.sees(box)
    return box
  }

  /** The field with just that label, which a list box has for its list too. */
  field(within, label) {
    return within.locator('input:not([type=hidden]):not([type=radio]), textarea').and(within.getByLabel(new RegExp(`^${label.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}\\s*\\*?$`)))
  }

  /** Chooses an option of a list box. */
  async choose(page, input, option) {
    for (let again = 2; ; again--) { // a page that hears news in between may close the list
      await input.click({ force: true }) // of one with pills the frame is on top
      try {
        return await page.getByRole('option', { name: option, exact: typeof option === 'string' }).first().click({ timeout: again ? 5000 : 30_000 })
      } catch (err) {
        if (!again) throw err
      }
    }
  }

  /** A button that may not be pressed, with its reason. */
  async refused(page, button, why) {
    await this.sees(button)
    await this.until(`${button} is disabled`, async () => { if (await button.getAttribute('aria-disabled') !== 'true' && await button.isEnabled()) throw new Error('it can be pressed') })
    const told = await button.locator('xpath=ancestor::*[contains(@class,"guarded")][1]').innerText()
    if (!why.test(told)) throw new Error(`the reason is ${JSON.stringify(told)}, not ${why}`)
    await button.click({ force: true })
    if (await page.getByRole('dialog').count()) throw new Error('a box opened all the same')
  }

  /** Notes what axe finds serious on what is shown. */
  async axe(page, what) {
    await page.evaluate(() => Promise.all(document.getAnimations().filter((a) => a.effect?.getComputedTiming().endTime !== Infinity).map((a) => a.finished.catch(() => undefined)))) // half of a fade has half of the contrast
    const cdp = await page.context().newCDPSession(page) // which the policy does not bind, as it does a script tag
    await cdp.send('Runtime.evaluate', { expression: axeCode })
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }))
    await cdp.detach()
    for (const v of violations) {
      if (['serious', 'critical'].includes(v.impact)) this.find(`axe, ${what}: ${v.id} (${v.impact}): ${v.help}\n${v.nodes.slice(0, 3).map((n) => `        ${n.html.slice(0, 160)} ${n.any[0]?.message ?? ''}`).join('\n')}`)
    }
  }

  /** A picture of each page that is open, for who looks at a failure. */
  async pictures() {
    const made = []
    for (const [i, p] of this.pages.entries()) {
      const path = join(this.shots, `${this.name}-${i + 1}.png`)
      if (!p.isClosed() && await p.screenshot({ path, fullPage: true, timeout: 10_000 }).then(() => true, () => false)) made.push(`${path} (${p.url()})`)
    }
    return made
  }

  async close() {
    await Promise.all(this.contexts.map((c) => c.close().catch(() => undefined)))
  }
}
