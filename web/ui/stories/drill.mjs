/** A drill from the wizard to its report; one that wants an approval and is aborted; one that only practises. */
export default {
  title: 'a drill from the wizard to its report, and one that is aborted', order: 8,
  async run(s) {
    await s.put('POST', '/users', { name: 'carl', role: 'operator', password: 'carl-has-a-password' })
    const page = await s.login()
    await s.go(page, '/drills', 'Drills')
    const plan = async (name, more) => {
      await s.go(page, '/drills', 'Drills')
      await page.getByRole('link', { name: 'New drill' }).first().click()
      await s.sees(page.getByRole('heading', { level: 1, name: 'New drill' }))
      await s.choose(page, s.field(page, 'Targets'), 'region/ap-southeast')
      await page.keyboard.press('Escape')
      await s.sees(page.getByText('Whom it moves'))
      await s.field(page, 'Name').fill(name)
      await s.field(page, 'Hold for').fill('2s')
      await s.field(page, 'Expected recovery').fill('90s')
      await more?.()
      await s.field(page, 'Reason').fill('the quarterly one')
      await page.getByRole('button', { name: 'Save, then preflight' }).click()
      await page.waitForURL(`**/drills/plans/${name}*`)
    }
    const start = async (reason, fill) => {
      await s.sees(page.getByText('ready to run'))
      await s.confirm(page, 'Start', { reason, fill: async (box) => { await fill?.(box); await s.axe(page, 'start box') } })
      await page.waitForURL(/\/drills\/(?!plans)[^/]+$/)
    }

    await s.step('the wizard shows whom it moves, on a map and in a table, before anything is saved', async () => {
      await plan('singapore-away', async () => {
        await s.field(page, 'Title').fill('Singapore is away')
        await s.sees(page.getByText(/\d+ %/).first())
        await s.axe(page, 'new drill')
      })
    })
    await s.step('preflight says how each thing stands', async () => {
      await s.sees(page.getByText('it could run now'))
      await page.getByRole('button', { name: 'Check again' }).click()
      await s.axe(page, 'drill plan')
    })
    await s.step('a practice run changes nothing', async () => {
      await start('to see how it goes', async (box) => { await box.getByRole('switch', { name: /^Practice: go through preflight/ }).click() })
      await s.sees(page.getByText('The practice is over'), 60_000)
      const { body } = await s.put('GET', '/controls')
      if (body.items.length) throw new Error(`it left ${JSON.stringify(body.items)}`)
    })
    await s.step('it runs, with a live clock, and all of it is back', async () => {
      await s.go(page, '/drills/plans/singapore-away', 'Singapore is away')
      await start('the quarterly one')
      await s.sees(page.getByRole('list', { name: 'Phases' }))
      const timer = page.getByRole('timer', { name: 'Time left' })
      await s.sees(timer)
      const first = Number.parseFloat(await timer.innerText())
      await s.until('its clock goes down, or the phase is over', async () => { if (await timer.count() && !(Number.parseFloat(await timer.innerText()) < first)) throw new Error(`${first}, then ${await timer.innerText()}`) })
      await s.axe(page, 'a run')
      await s.sees(page.getByText('The drill is over, and all of it is back'), 120_000)
      await s.axe(page, 'a run that is over')
    })
    await s.step('its report has how long clients took, and can be saved', async () => {
      await page.getByRole('link', { name: 'Read the report' }).click()
      await s.sees(page.getByText('met', { exact: true }))
      await s.sees(page.getByText('TTL window closed'))
      await s.axe(page, 'report')
      for (const [button, type] of [['HTML', /\.html$/], ['Markdown', /\.md$/]]) {
        const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: button, exact: true }).click()])
        if (!type.test(file.suggestedFilename())) throw new Error(`the file is called ${file.suggestedFilename()}`)
      }
    })
    await s.step('a plan that wants an approval waits for somebody else', async () => {
      await plan('with-approval', async () => { await s.field(page, 'Approvals').fill('1'); await s.field(page, 'Hold for').fill('10m') })
      await start('another')
      await s.refused(page, page.getByRole('button', { name: 'Approve' }), /somebody else has to approve/)
      const carl = await s.login({ user: 'carl', password: 'carl-has-a-password' })
      await s.go(carl, new URL(page.url()).pathname)
      await s.confirm(carl, 'Approve', { reason: 'go', fill: () => s.axe(carl, 'approve box') })
    })
    await s.step('and is aborted while it goes on: all it took out is back', async () => {
      await s.until('it has drained the region', async () => { if (!(await s.put('GET', '/controls')).body.items.length) throw new Error('it has not') }, 60_000)
      const box = await s.open(page, 'Abort')
      await s.sees(box.getByText('What it took out is brought back by the same change'))
      await s.axe(page, 'abort')
      await box.getByLabel('Reason').fill('enough')
      await box.getByRole('button', { name: 'Abort' }).click()
      await s.sees(page.getByText(/^The drill was aborted/), 60_000)
      await s.until('nothing is drained', async () => { if ((await s.put('GET', '/controls')).body.items.length) throw new Error('something is') })
    })
    await s.step('the list has both, and plans are edited and deleted', async () => {
      await s.go(page, '/drills', 'Drills')
      await s.sees(page.getByRole('table', { name: 'Drills and failovers that are over' }).getByText('Singapore is away').first())
      await s.axe(page, 'drills')
      await s.go(page, '/drills/plans/with-approval', 'with-approval')
      await page.getByRole('link', { name: 'Edit' }).click()
      await s.field(page, 'Title').fill('With an approval')
      await s.field(page, 'Reason').fill('a name for it')
      await page.getByRole('button', { name: 'Save, then preflight' }).click()
      await s.sees(page.getByRole('heading', { level: 1, name: 'With an approval' }))
      await s.confirm(page, 'Delete', { reason: 'no more', fill: () => s.axe(page, 'delete box') })
      await page.waitForURL(/\/drills$/)
    })
    await s.put('DELETE', '/drill-plans/singapore-away')
    await s.put('DELETE', '/users/carl')
  },
}
