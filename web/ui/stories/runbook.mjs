/** A runbook is written step by step: what is wrong is told at its step, and order is by keys too. */
export default {
  title: 'write a runbook', short: true, order: 6,
  async run(s) {
    const page = await s.login()
    const step = (n) => page.getByRole('listitem', { name: new RegExp(`^Step ${n},`) })
    const add = async (kind) => { await page.getByRole('button', { name: 'Add a step' }).click(); await page.getByRole('menuitem', { name: kind, exact: true }).click() }
    await s.step('steps are added, and a mistake is told at its step', async () => {
      await s.go(page, '/drills/new?what=steps', 'New drill')
      await s.field(page, 'Name').fill('away')
      await add('Wait')
      await add('Drain')
      await add('At once')
      await s.choose(page, s.field(step(2), 'Targets'), 'region/eu-central')
      await s.field(step(1), 'For').fill('1ms')
      await s.sees(step(1).getByText(/not within 1s to 24h/))
      await s.field(step(1), 'For').fill('5s')
      await s.gone(step(1).getByText(/not within/))
    })
    await s.step('a step has steps at once with each other', async () => {
      await page.getByRole('button', { name: 'Add one at once with them' }).click()
      await page.getByRole('menuitem', { name: 'TTL window', exact: true }).click()
      await page.getByRole('button', { name: 'Add one at once with them' }).click()
      await page.getByRole('menuitem', { name: 'Wait', exact: true }).click()
      await s.sees(page.getByText('as they may be'))
      await s.axe(page, 'runbook')
    })
    await s.step('order is changed by keys', async () => {
      await page.getByRole('button', { name: 'Move step 2 up' }).first().focus()
      await page.keyboard.press('Enter')
      await s.sees(page.getByRole('listitem', { name: 'Step 1, drain' }))
    })
    await s.step('it is saved as it was written, and its page shows it', async () => {
      await page.getByLabel('Reason').fill('rehearsal')
      await page.getByRole('button', { name: 'Save, then preflight' }).click()
      await s.sees(page.getByText('Runbook of 3 steps'))
      const { body } = await s.put('GET', '/drill-plans/away')
      const want = [{ name: 'drain', drain: ['region/eu-central'] }, { name: 'wait', wait: '5s' }, { name: 'at-once', parallel: [{ name: 'ttl-window', window: true }, { name: 'wait-2', wait: '5m' }] }]
      const got = JSON.parse(JSON.stringify(body.steps))
      if (JSON.stringify(got.map((x) => x.name)) !== JSON.stringify(want.map((x) => x.name)) || got[0].drain[0] !== 'region/eu-central' || got[2].parallel.length !== 2) throw new Error(JSON.stringify(body.steps))
    })
    await s.step('it is edited on: a step is taken out', async () => {
      await page.getByRole('link', { name: 'Edit' }).click()
      await page.getByRole('button', { name: 'Take out step 3' }).click()
      await page.getByLabel('Reason').fill('shorter')
      await page.getByRole('button', { name: 'Save, then preflight' }).click()
      await s.sees(page.getByText('Runbook of 2 steps'))
      await s.put('DELETE', '/drill-plans/away')
    })
  },
}
