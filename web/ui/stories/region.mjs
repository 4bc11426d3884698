/** A region is added: as a draft that others can look at, then used by a service, and seen on the map. */
export default {
  title: 'add a region', short: true, order: 9,
  async run(s) {
    const page = await s.login()
    const { body: www } = await s.put('GET', '/services/www.example.com')
    await s.step('region and pool are proposed as one', async () => {
      await s.go(page, '/changes/new', 'Propose a change')
      await s.choose(page, s.field(page, 'Object'), 'New objects, or several at once')
      const text = page.getByLabel('a part of the document as JSON')
      await text.fill('{"regions": [')
      await s.sees(page.getByText(/JSON/).locator('visible=true').last())
      await text.fill(JSON.stringify({
        regions: [{ name: 'sa-east', place: { iata: 'GRU' }, provider: 'aws' }],
        pools: [{ name: 'web-sa-east', region: 'sa-east', monitor: 'web', endpoints: [{ name: 'a', address: '127.0.1.1' }] }],
        services: [{ ...www, steer: { nearest: [...www.steer.nearest, { pool: 'web-sa-east' }] } }],
      }, null, 2))
      await s.sees(page.locator('section[aria-label="region/sa-east"]'))
      await s.field(page, 'Title').fill('São Paulo')
      await page.getByRole('button', { name: 'Create the draft' }).click()
      await s.sees(page.getByRole('heading', { level: 1, name: 'São Paulo' }))
      await s.sees(page.getByText('3/3 → 3/4')) // nobody is moved before the new one is known to be well
      await s.axe(page, 'draft of a region')
    })
    await s.step('published, it is on the map and answers its part of the world', async () => {
      await s.confirm(page, 'Publish', { reason: 'CHG-6' })
      await s.sees(page.getByText('It made revision'))
      await s.go(page, '/', 'Overview')
      await s.sees(page.locator('svg [aria-label^="sa-east"][aria-label$="healthy"]'), 60_000)
      await s.until('it answers a part of the world', async () => {
        const row = await page.getByRole('table', { name: 'Regions' }).getByRole('row', { name: /sa-east/ }).innerText()
        if (!/[1-9]\d*(\.\d+)? ?%/.test(row)) throw new Error(row)
      })
    })
    await s.put('PUT', '/services/www.example.com', www)
    await s.put('DELETE', '/pools/web-sa-east')
    await s.put('DELETE', '/regions/sa-east')
  },
}
