/** A region breaks, and is healed: what the page that is always open shows of it. */
export default {
  title: 'a region breaks: map, counters and timeline', short: true, order: 3,
  async run(s) {
    const page = await s.login()
    const us = page.locator('svg [role="link"][aria-label^="us-east"]')
    const down = page.locator('.counter', { hasText: /^\d+down$/ }).or(page.locator('.counter').filter({ has: page.locator('small', { hasText: 'down' }) }))
    await s.go(page, '/', 'Overview')
    await s.sees(page.locator('svg [aria-label^="us-east"][aria-label$="healthy"]'))
    await s.step('the map, the counters and what is wrong follow, with nobody reloading', async () => {
      await s.world.faults('break', 'us-east')
      await s.sees(page.locator('svg [aria-label^="us-east"][aria-label$="down"]'), 30_000)
      await s.until('one is counted down', async () => { if (!/^1/.test(await down.innerText())) throw new Error(await down.innerText()) })
      await s.sees(page.locator('.trouble', { hasText: 'us-east' }))
      await s.sees(page.locator('.change', { hasText: 'us-east' }).filter({ hasText: /down/ }))
      await s.until('no country is answered by it', async () => {
        const row = await page.getByRole('table', { name: 'Regions' }).getByRole('row', { name: /us-east/ }).innerText()
        if (!/\b0 ?%/.test(row)) throw new Error(row)
      })
      await s.axe(page, 'overview with a region down')
    })
    await s.step('health says who voted, and the timeline has the fall', async () => {
      await us.focus()
      await page.keyboard.press('Enter') // a marker leads to its region's endpoints
      await page.waitForURL(/\/health\?q=us-east/)
      await page.getByRole('link', { name: 'web-us-east/a' }).click()
      await s.sees(page.getByRole('heading', { level: 1, name: 'web-us-east/a' }))
      await page.getByText('1 h', { exact: true }).click()
      await s.until('the timeline has a change', async () => {
        const label = await page.getByRole('img', { name: /^Verdicts from/ }).getAttribute('aria-label')
        if (!/: [1-9]\d* change/.test(label)) throw new Error(label)
      }, 40_000)
      await page.getByText(/changes? of the verdict, with ballots$/).click()
      await s.until('two of three voted that it is down', async () => {
        const voters = await page.locator('details li', { hasText: /: down, / }).count()
        if (voters < 2) throw new Error(`${voters} did`)
      })
    })
    await s.step('a probe now says why', async () => {
      await page.getByRole('button', { name: 'Probe now' }).click()
      await s.sees(page.getByText('failed', { exact: true }))
      await s.axe(page, 'endpoint that is down')
    })
    await s.step('healed, it comes back', async () => {
      await s.world.faults('heal', 'us-east')
      await s.go(page, '/', 'Overview')
      await s.sees(page.locator('svg [aria-label^="us-east"][aria-label$="healthy"]'), 60_000)
      await s.sees(page.getByText('Everything is up, and nothing is overridden.'))
      if (await us.count() !== 1) throw new Error('the marker of us-east is not alone')
    })
    await s.step('the probe from another vantage succeeds, with where its time went', async () => {
      await s.go(page, '/health/web-us-east/a', 'web-us-east/a')
      await s.choose(page, s.field(page, 'From'), 'eu-central')
      await page.getByRole('button', { name: 'Probe now' }).click()
      await s.sees(page.getByText('succeeded', { exact: true }))
      await s.sees(page.getByText('first byte'))
    })
  },
}
