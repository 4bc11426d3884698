/** What "Copy as" gives, on every page and in the dialogs that ask first, is run by a shell: it works as it is pasted. */
import { spawnSync } from 'node:child_process'
import { dirname } from 'node:path'

import { places, settled } from './lib/places.mjs'
import { bin } from './lib/world.mjs'

export default {
  title: 'all that is copied works in a shell', order: 10,
  async run(s) {
    await s.step('something of each kind is there', async () => {
      await s.put('PUT', '/drill-plans/copied', { name: 'copied', title: "it's a plan", steps: [{ name: 'a', drain: ['region/eu-central'] }, { name: 'b', window: true }], practice: true })
      const { body } = await s.put('POST', '/drills', { plan: 'copied' })
      await s.put('POST', '/drafts', { title: 'to be copied', changes: [{ putObject: { region: { name: 'copied', place: { iata: 'GRU' } } } }] })
      await s.until('the practice is over', async () => { if (!(await s.put('GET', `/drills/${body.id}`)).body.over) throw new Error('it is not') }, 60_000)
    })
    const page = await s.login()
    const copied = async (within, kind) => {
      await page.evaluate(() => navigator.clipboard.writeText(''))
      await within.click()
      const item = page.getByRole('menuitem', { name: kind, exact: true })
      await s.sees(page.getByRole('menuitem'))
      if (await item.count() === 0) return void await page.keyboard.press('Escape')
      await item.click()
      let text
      await s.until(`${kind} is copied`, async () => { text = await page.evaluate(() => navigator.clipboard.readText()); if (!text) throw new Error('nothing is') })
      await s.until('the menu has closed', async () => { if (await page.getByRole('menuitem').count()) throw new Error('it is open') })
      return text
    }
    const run = (line) => {
      const done = spawnSync('bash', ['-c', line], { encoding: 'utf8', timeout: 60_000, env: { ...process.env, PATH: `${dirname(bin)}:${process.env.PATH}`, MERIDIAN_TOKEN: s.token, MERIDIAN_ADDR: s.addr, HOME: '/nonexistent' } })
      if (done.status !== 0) throw new Error(`${line}\nended with ${done.status}: ${done.stderr}${done.stdout}`.slice(0, 1500))
      return done.stdout
    }
    /** curl succeeds with an answer that is a problem, too. */
    const called = (line) => {
      const out = run(line)
      if (/"type":\s*"urn:meridian:problem:/.test(out)) throw new Error(`${line}\nis answered: ${out.slice(0, 600)}`)
      return out
    }
    for (const path of (await places(s)).filter((p) => !/^\/drills\/new(\?what|$)/.test(p))) { // where nothing is written yet
      await s.step(`${path}: curl and command line work`, async () => {
        await page.goto(path)
        await settled(s, page)
        const buttons = page.getByRole('button', { name: /^Cop(y as|ied)$/ })
        for (let i = 0, n = await buttons.count(); i < n; i++) {
          const call = await copied(buttons.nth(i), 'curl')
          if (call && !call.includes(' -X PUT ')) called(call) // what a form would save is saved by nobody
          const line = await copied(buttons.nth(i), 'command line')
          if (line?.startsWith('meridian probe ')) await s.until('it may be probed again', async () => run(line)) // once a second
          else if (line) run(/^meridian (apply|zone set|diff) /.test(line) ? `${line.replace('meridian apply', 'meridian plan')}; [ $? != 1 ]` : line) // 2 is "there are changes"
          await copied(buttons.nth(i), 'YAML')
        }
      })
    }
    await s.step('what a dialog is about to do, done by curl, is undone by the command line of the next', async () => {
      await s.go(page, '/health/web-ap-southeast/a', 'web-ap-southeast/a')
      const drain = await s.open(page, 'Drain')
      await drain.getByLabel('Reason').fill("it's $HOME")
      called(await copied(drain.getByRole('button', { name: 'Copy as' }), 'curl'))
      await page.keyboard.press('Escape')
      const { body } = await s.put('GET', '/controls')
      if (body.items.length !== 1 || body.items[0].reason !== "it's $HOME") throw new Error(JSON.stringify(body.items))
      const lift = await s.open(page, 'Lift')
      await lift.getByLabel('Reason').fill('"done"')
      run(await copied(lift.getByRole('button', { name: 'Copy as' }), 'command line'))
      const after = (await s.put('GET', '/controls')).body.items
      if (after.length !== 0) throw new Error(JSON.stringify(after))
    })
    await s.step('it is taken back', async () => {
      const { body } = await s.put('GET', '/drafts')
      for (const d of body.items.filter((d) => d.title === 'to be copied')) await s.put('DELETE', `/drafts/${d.id}`)
      await s.put('DELETE', '/drill-plans/copied')
    })
  },
}
