/** A region is drained for maintenance, to the end of its window; and brought back. And what a safety rule forbids. */
export default {
  title: 'drain to "drained", lift, and what a safety rule forbids', short: true, order: 4,
  async run(s) {
    const page = await s.login()
    const regions = page.getByRole('table', { name: 'Regions' })
    const row = regions.getByRole('row').filter({ has: page.getByRole('link', { name: 'eu-central', exact: true }) })
    await s.go(page, '/', 'Overview')
    await s.step('the box names whom it moves, and wants a reason', async () => {
      const box = await s.open(page, row.getByRole('button', { name: 'Drain' }))
      await s.sees(box.getByText('Drain region/eu-central?'))
      await s.sees(box.getByText(/www\.example\.com/))
      await s.sees(box.getByText(/%/))
      if (await box.getByRole('button', { name: 'Drain' }).isEnabled()) throw new Error('it can be drained with no reason')
      await s.axe(page, 'drain box')
      await box.getByLabel('Reason').fill('CHG-1, kernel upgrade')
      await box.getByRole('button', { name: 'Drain' }).click()
      await s.gone(box)
    })
    await s.step('the overview follows', async () => {
      await s.sees(page.locator('svg [aria-label^="eu-central"][aria-label$="drained"]'))
      await s.sees(page.locator('.trouble', { hasText: 'region/eu-central' }).filter({ hasText: 'CHG-1, kernel upgrade' }))
      await s.sees(row.getByRole('button', { name: 'Lift' }))
    })
    await s.step('the service page counts its window down, until it is drained', async () => {
      await s.go(page, '/services/www.example.com', 'www.example.com')
      const control = page.locator('.trouble', { hasText: 'region/eu-central' })
      await s.until('it says when the window closes, or that it has', async () => {
        const text = await control.innerText()
        if (!/window drained|window draining, closes (in \d+ s|just now)/.test(text)) throw new Error(text)
      })
      await s.sees(control.filter({ hasText: 'window drained' }), 60_000)
      await s.axe(page, 'service with a control')
    })
    await s.step('lifted, it answers again', async () => {
      await s.confirm(page, page.locator('.trouble', { hasText: 'region/eu-central' }).getByRole('button', { name: 'Lift' }), { reason: 'done', fill: () => s.axe(page, 'lift box') })
      await s.sees(page.getByText('Nothing is forced: it is answered as health and steering say.'))
      await s.go(page, '/', 'Overview')
      await s.sees(page.locator('svg [aria-label^="eu-central"][aria-label$="healthy"]'))
    })
    await s.step('a safety rule disables it, with the reason', async () => {
      await s.put('PUT', '/safety-rules/keep-three', { name: 'keep-three', atLeast: { regions: 3 } })
      await s.until('the button says why', async () => s.refused(page, row.getByRole('button', { name: 'Drain' }), /keep-three/))
      await s.axe(page, 'overview with what is forbidden')
    })
    await s.put('DELETE', '/safety-rules/keep-three')
  },
}
