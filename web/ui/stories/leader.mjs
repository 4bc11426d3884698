/** The leader is lost while a page is open; then the majority; then all of it is back. */
import { createServer } from 'node:http'

export default {
  title: 'the leader is lost in the middle: banner, read only, recovery', world: 'cluster', fresh: true,
  async run(s) {
    const { body } = await s.put('GET', '/cluster')
    const leader = s.world.nodes.find((n) => n.name === body.leader)
    const [one, two] = s.world.nodes.filter((n) => n !== leader)
    const page = await s.login({ token: s.token }, { addr: one.addr })
    const row = page.getByRole('table', { name: 'Regions' }).getByRole('row').filter({ has: page.getByRole('link', { name: one.name, exact: true }) })
    const there = await s.login({ token: s.token }, { addr: leader.addr })
    await s.go(there, '/', 'Overview')
    const bell = await new Promise((done) => {
      const got = []
      const server = createServer((req, res) => { req.resume(); got.push(req.method); res.end() })
      server.listen(0, '127.0.0.1', () => done({ got, close: () => server.close(), url: `http://127.0.0.1:${server.address().port}/bell` }))
    })
    await s.step('a receiver is tried from the page, and hears it', async () => {
      await s.put('PUT', '/notifications/bell', { name: 'bell', webhook: { url: bell.url } })
      await s.go(page, '/access?tab=notifications', 'Access')
      const tried = page.getByRole('table', { name: 'Receivers' }).getByRole('row', { name: /bell/ })
      await tried.getByRole('button', { name: 'Test' }).click()
      await s.sees(tried.getByRole('button', { name: 'Arrived' }))
      if (bell.got.length === 0) throw new Error('nothing came')
      await s.put('DELETE', '/notifications/bell')
      bell.close()
    })
    await s.go(page, '/', 'Overview')
    await s.sees(row.getByRole('button', { name: 'Drain' }))
    await s.step('one node is lost: another leads, the page says which cannot be reached, and writes work', async () => {
      await leader.process.kill('SIGKILL')
      await s.sees(page.locator('.trouble', { hasText: `Node ${leader.name} cannot be reached` }), 60_000)
      await s.step('the page of the leader itself says that it is old', async () => {
        await s.sees(there.locator('.stale', { hasText: 'This node does not answer' }), 60_000)
        await s.refused(there, there.getByRole('table', { name: 'Regions' }).getByRole('button', { name: 'Drain' }).first(), /does not answer/)
        await there.close()
      })
      await s.until('there is a leader, and the page is no longer read only', async () => { if (await page.locator('.stale').count()) throw new Error(await page.locator('.stale').innerText()) }, 60_000)
      await s.confirm(page, row.getByRole('button', { name: 'Drain' }), { reason: 'in the middle of it' })
      await s.sees(row.getByRole('button', { name: 'Lift' }))
      await s.confirm(page, row.getByRole('button', { name: 'Lift' }))
      await s.sees(row.getByRole('button', { name: 'Drain' }))
    })
    await s.step('a node that is dead cannot be confused: taking it out asks for its name, and is cancelled here', async () => {
      await s.go(page, `/cluster?node=${leader.name}`, 'Cluster')
      await s.sees(page.getByText('No vote can be lost any more'))
      await s.until('it has been silent for 10 s', async () => { if (await page.getByRole('button', { name: 'Take out' }).getAttribute('aria-disabled') === 'true') throw new Error('it has not') }, 40_000)
      const box = await s.open(page, 'Take out')
      await s.field(box, 'Reason').fill('dead')
      if (await box.getByRole('button', { name: 'Take out' }).isEnabled()) throw new Error('it can be taken out with nothing typed')
      await box.getByLabel(/^Type /).fill(leader.name)
      await s.axe(page, 'take out')
      await box.getByRole('button', { name: 'Cancel' }).click()
      await s.gone(box)
      await s.axe(page, 'cluster with a node missing')
      await s.go(page, '/', 'Overview')
    })
    await s.step('a second is lost while a box is open: the banner says so, and nothing can be changed', async () => {
      const box = await s.open(page, row.getByRole('button', { name: 'Drain' }))
      await s.field(box, 'Reason').fill('too late')
      await two.process.kill('SIGKILL')
      await s.sees(page.locator('.stale', { hasText: 'Read only.' }).filter({ hasText: 'no leader' }), 60_000)
      await s.until('the box can no longer be confirmed', async () => { if (await box.getByRole('button', { name: 'Drain' }).isEnabled()) throw new Error('it can') })
      await s.sees(box.getByText(/The cluster has no leader/))
      await box.getByRole('button', { name: 'Cancel' }).click()
      await s.gone(box)
      await s.refused(page, row.getByRole('button', { name: 'Drain' }), /The cluster has no leader/)
      await s.axe(page, 'overview with no leader')
      for (const [path, title] of [['/services', 'Services'], ['/health', 'Health'], ['/cluster', 'Cluster'], ['/zones', 'Zones'], ['/what-if', 'What-if']]) {
        await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: title }).click()
        await s.sees(page.getByRole('heading', { level: 1, name: title }))
        await s.sees(page.locator('.stale'))
      }
      await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Zones' }).click()
      await s.refused(page, page.getByRole('button', { name: 'New zone' }), /no leader/)
    })
    await s.step('the last node goes too: what was seen stays, and the page says that it is old', async () => {
      await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Overview' }).click()
      await one.process.kill('SIGKILL')
      await s.sees(page.locator('.stale', { hasText: 'What you see is what it said last' }).or(page.locator('.stale', { hasText: 'What you see may be old' })), 60_000)
      await s.sees(row)
    })
    await s.step('they come back: the banner goes by itself, and writes work', async () => {
      for (const n of s.world.nodes) n.start()
      await s.gone(page.locator('.stale'), 120_000)
      await s.sees(page.locator('.clusterstate', { hasText: '3/3' }), 60_000)
      await s.confirm(page, row.getByRole('button', { name: 'Drain' }), { reason: 'now it works' })
      await s.sees(row.getByRole('button', { name: 'Lift' }))
    })
  },
}
