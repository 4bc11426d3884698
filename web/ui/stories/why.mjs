/** On call: a client in Lagos is sent to Frankfurt. Why? */
export default {
  title: 'why a client in Lagos is answered Frankfurt', short: true, order: 2,
  async run(s) {
    const page = await s.login()
    await s.step('the service page says what each branch keeps and drops for the client', async () => {
      await s.go(page, '/services', 'Services')
      await page.getByRole('link', { name: 'www.example.com' }).click()
      await s.sees(page.getByRole('heading', { level: 1, name: 'www.example.com' }))
      const client = page.getByPlaceholder('Country, address, prefix or AS number')
      await client.fill('Nigeria')
      await client.press('Enter')
      await page.waitForURL(/client=country/)
      await s.sees(page.locator('.outcome', { hasText: 'Nigeria is answered' }).filter({ hasText: 'eu-central' }))
      await page.getByText(/^All \d+ reasons$/).click()
      await s.sees(page.locator('.outcome li', { hasText: 'comes after one that is available' }))
      const tree = page.getByRole('region', { name: 'The steering tree' })
      await s.sees(tree.getByText(/km/))
      await s.axe(page, 'service')
    })
    await s.step('from there to what-if, with the question kept', async () => {
      await page.getByRole('link', { name: 'What if…' }).click()
      await page.waitForURL(/\/what-if\?.*client=country/)
      await s.sees(page.getByText('Nigeria asks for'))
      await s.sees(page.getByRole('cell', { name: '127.0.2.1' }).or(page.getByRole('rowheader', { name: '127.0.2.1' })))
      await s.axe(page, 'what-if')
    })
    await s.step('what if Frankfurt were down', async () => {
      await s.field(page, 'Assume that').fill('eu-central')
      await page.getByRole('option', { name: 'region/eu-central' }).click()
      await page.getByRole('button', { name: 'Assume', exact: true }).click()
      await page.waitForURL(/assume=/)
      await s.sees(page.getByText('If region/eu-central is down'))
      await s.sees(page.locator('[data-then]', { hasText: '127.0.1.1' }))
      await s.sees(page.locator('li[data-new]'))
      await page.getByText('Only what moves', { exact: true }).click()
      await page.waitForURL(/show=moved/)
      await s.axe(page, 'what-if with an assumption')
    })
    await s.step('the page opens anew from its URL, and the assumption is taken away', async () => {
      await page.reload()
      await s.sees(page.getByText('If region/eu-central is down'))
      await page.getByRole('button', { name: /^No longer assume/ }).click()
      await s.sees(page.getByText('Nothing is assumed: this is the answer now.'))
      const country = page.locator('svg path[data-country="AU"]').first()
      await country.click()
      await page.waitForURL(/country(%2F|\/)AU/)
      await s.sees(page.getByText('Australia asks for'))
      await s.sees(page.getByText('127.0.3.1').first())
    })
  },
}
