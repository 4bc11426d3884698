/** Every page, wide and on a phone, light and dark: axe finds nothing serious, and nothing is wider than the window. And what no other story clicks. */
import { places, settled } from './lib/places.mjs'

export default {
  title: 'every page on a screen and on a phone, and what no other story clicks', order: 11,
  async run(s) {
    await s.step('something is there to be looked at', async () => {
      await s.put('PUT', '/drill-plans/tour', { name: 'tour', title: 'Frankfurt is away', evacuate: ['region/eu-central'], hold: '1s', practice: true })
      const { body } = await s.put('POST', '/drills', { plan: 'tour' })
      await s.put('POST', '/drafts', { title: 'for the tour', changes: [{ putObject: { region: { name: 'tour', place: { iata: 'GRU' } } } }] })
      await s.put('PUT', '/notifications/tour', { name: 'tour', webhook: { url: 'https://alerts.example.com/meridian' } })
      await s.until('the practice is over', async () => { if (!(await s.put('GET', `/drills/${body.id}`)).body.over) throw new Error('it is not') }, 60_000)
    })
    const visit = await places(s)
    for (const [options, what] of [[{}, 'light'], [{ width: 375, height: 812, scheme: 'dark' }, 'phone, dark']]) {
      const page = await s.login({ token: s.token }, options)
      for (const path of visit) {
        await s.step(`${path}, ${what}`, async () => {
          await page.goto(path)
          await settled(s, page)
          await s.axe(page, `${path}, ${what}`)
          const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
          if (wide > 0) s.find(`${path}, ${what}: the page is ${wide} px wider than the window`)
        })
      }
    }
    const page = await s.login()
    await s.step('"copy as" gives a call that works', async () => {
      await s.go(page, '/services/www.example.com', 'www.example.com')
      await page.getByRole('button', { name: 'Copy as' }).first().click()
      await page.getByRole('menuitem', { name: 'curl' }).click()
      const text = await page.evaluate(() => navigator.clipboard.readText())
      if (text !== `curl -sS -H "Authorization: Bearer $MERIDIAN_TOKEN" ${s.addr}/api/v1/services/www.example.com`) throw new Error(text)
      await page.getByRole('button', { name: /^Cop/ }).first().click()
      await page.getByRole('menuitem', { name: 'JSON' }).click()
      await s.until('it is JSON', async () => JSON.parse(await page.evaluate(() => navigator.clipboard.readText())))
    })
    await s.step('tables go by keys: arrows move, Enter opens', async () => {
      await s.go(page, '/health', 'Health')
      const rows = page.getByRole('table', { name: 'Endpoints by vantage' }).getByRole('row')
      await rows.nth(1).focus()
      await page.keyboard.press('ArrowDown')
      await s.until('the second row has the focus', async () => { if (await page.evaluate(() => document.activeElement.getAttribute('data-index')) !== '1') throw new Error('it has not') })
      await page.keyboard.press('Enter')
      await page.waitForURL(/\/health\/web-/)
    })
    await s.step('a click on a column sorts by it, and once more the other way', async () => {
      await s.go(page, '/', 'Overview')
      const table = page.getByRole('table', { name: 'Regions' })
      const first = (want) => s.until(`${want} is first`, async () => { const got = await table.getByRole('row').nth(1).innerText(); if (!got.includes(want)) throw new Error(got) })
      await table.getByRole('button', { name: 'Region' }).click()
      await first('ap-southeast')
      await table.getByRole('button', { name: 'Region' }).click()
      await first('us-east')
      await s.sees(table.getByRole('columnheader', { name: 'Region' }).and(page.locator('[aria-sort=descending]')))
    })
    await s.step('on a phone the menu opens, goes somewhere and closes', async () => {
      const phone = await s.login({ token: s.token }, { width: 375, height: 812 })
      await s.go(phone, '/', 'Overview')
      await phone.getByRole('button', { name: 'Open the menu' }).click()
      await phone.getByRole('link', { name: 'Cluster' }).click()
      await s.sees(phone.getByRole('heading', { level: 1, name: 'Cluster' }))
      await s.sees(phone.getByRole('button', { name: 'Open the menu' }))
    })
    await s.step('an endpoint that waits for an operator is resumed', async () => {
      await s.put('PUT', '/monitors/careful', { name: 'careful', http: { port: 8000, path: '/healthz' }, interval: '1s', timeout: '500ms', fall: 2, rise: 2, resume: 'manual' })
      await s.put('PUT', '/pools/careful', { name: 'careful', region: 'ap-southeast', monitor: 'careful', endpoints: [{ name: 'a', address: '127.0.3.1' }] })
      const resumed = () => page.getByRole('button', { name: 'Resume' })
      const is = (status) => s.until(`it is ${status}`, async () => { const { body } = await s.put('GET', '/health/careful/a'); if (body.measured !== status) throw new Error(body.measured) }, 60_000)
      await is('up')
      await s.world.faults('break', 'ap-southeast')
      await is('down')
      await s.world.faults('heal', 'ap-southeast')
      await s.go(page, '/health/careful/a', 'careful/a')
      await s.sees(page.getByText('It waits for an operator'), 60_000)
      await s.axe(page, 'an endpoint that waits')
      await s.confirm(page, resumed(), { reason: 'looked at it' })
      await is('up')
    })
    await s.step('the cluster page tells of each node; a node that is there cannot be taken out', async () => {
      await s.go(page, '/cluster', 'Cluster')
      await page.getByRole('table', { name: 'Members' }).getByRole('link', { name: 'ap-southeast', exact: true }).first().click()
      await page.waitForURL(/node=ap-southeast/)
      await s.refused(page, page.getByRole('button', { name: 'Take out' }), /heard of in the last 10 s|the node that is asked/)
      await page.getByRole('button', { name: 'Close' }).click()
      await page.waitForURL((u) => !u.search.includes('node='))
    })
    for (const path of ['/pools/careful', '/monitors/careful', '/notifications/tour', '/drill-plans/tour']) await s.put('DELETE', path)
    for (const d of (await s.put('GET', '/drafts')).body.items) if (d.state === 'open') await s.put('DELETE', `/drafts/${d.id}`)
  },
}
