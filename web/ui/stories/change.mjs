/** A weight is proposed, reviewed by somebody else, tried as a canary, published, and rolled back; and what else can be done with a draft. */
export const weighted = {
  name: 'shop.example.com', ttl: 5, steer: { weighted: [{ pool: 'web-us-east', weight: 90 }, { pool: 'web-eu-central', weight: 10 }] },
}

export default {
  title: 'propose, review, canary, publish and roll back a weight', order: 6,
  async run(s) {
    await s.put('PUT', '/services/shop.example.com', weighted)
    for (const name of ['anna', 'bob']) await s.put('POST', '/users', { name, role: 'editor', password: `${name}-has-a-password` })
    const anna = await s.login({ user: 'anna', password: 'anna-has-a-password' })
    const bob = await s.login({ user: 'bob', password: 'bob-has-a-password' })

    const propose = async (weight, title) => {
      await s.go(anna, '/changes', 'Changes')
      await anna.getByRole('link', { name: 'Propose a change' }).first().click()
      await s.sees(anna.getByRole('heading', { level: 1, name: 'Propose a change' }))
      await s.field(anna, 'Object').fill('shop')
      await anna.getByRole('option', { name: 'service/shop.example.com' }).click()
      const text = s.field(anna, 'service/shop.example.com as JSON')
      const now = await text.inputValue()
      await text.fill(now.replace('"weight": 90', `"weight": ${weight}`))
      await s.sees(anna.locator('section[aria-label="service/shop.example.com"]'))
      await s.field(anna, 'Title').fill(title)
      await s.field(anna, 'Reason').fill('more for Frankfurt')
      await s.axe(anna, 'propose')
      await anna.getByRole('button', { name: 'Create the draft' }).click()
      await anna.waitForURL(/\/changes\/drafts\//)
      await s.sees(anna.getByRole('heading', { level: 1, name: title }))
      return new URL(anna.url()).pathname
    }

    const draft = await s.step('anna proposes it, and sees what it does before', () => propose(50, 'half for Frankfurt'))
    await s.step('nobody approves their own', async () => {
      await s.refused(anna, anna.getByRole('button', { name: 'Review' }), /nobody approves their own/)
      await s.axe(anna, 'draft')
    })
    await s.step('bob finds it in the list, and rejects it only with a word why', async () => {
      await s.go(bob, '/changes', 'Changes')
      await bob.getByRole('link', { name: 'half for Frankfurt' }).click()
      const box = await s.open(bob, 'Review')
      await box.getByText('Reject', { exact: true }).click()
      await box.getByRole('button', { name: 'Review' }).click()
      await s.sees(box.getByText('To reject, say why').or(box.locator('input:invalid')))
      await s.field(box, 'Comment').fill('let us see the night first')
      await box.getByRole('button', { name: 'Review' }).click()
      await s.gone(box)
      await s.sees(anna.getByText('let us see the night first'))
      await s.refused(anna, anna.getByRole('button', { name: 'Publish' }), /rejected the draft/)
    })
    await s.step('bob approves it after all', async () => {
      await s.confirm(bob, 'Review', { fill: async (box) => { await box.getByText('Approve', { exact: true }).click(); await s.field(box, 'Comment').fill('fine by day') } })
      await s.sees(anna.getByText('fine by day'))
    })
    await s.step('what-if shows the world by the draft', async () => {
      const id = draft.split('/').pop()
      await s.go(bob, `/what-if?name=shop.example.com&client=country%2FNG&draft=${id}`, 'What-if')
      await s.sees(bob.getByText('The map and the moves below are as if'))
    })
    await s.step('a canary on one node, and taken back', async () => {
      await s.confirm(anna, 'Canary', { fill: async (box) => { await s.choose(anna, s.field(box, 'Nodes'), 'eu-central'); await box.getByText('They answer DNS by the draft').click() } })
      await s.sees(anna.getByRole('progressbar', { name: 'Canary' }))
      await s.sees(anna.getByText(/left, then it is published everywhere/))
      await s.axe(anna, 'canary')
      await s.confirm(anna, 'Take back', { reason: 'to look at it once more' })
      await s.sees(anna.getByText(/^It was taken back/))
    })
    await s.step('a canary again, and published while it goes on', async () => {
      await s.confirm(anna, 'Canary', { fill: async (box) => { await s.choose(anna, s.field(box, 'Nodes'), 'ap-southeast'); await box.getByText('They answer DNS by the draft').click(); await box.getByRole('switch', { name: 'Then wait, instead of publishing it' }).click() } })
      await s.sees(anna.getByText(/left, then the draft waits/))
      await s.confirm(anna, 'Publish', { reason: 'CHG-2', fill: () => s.axe(anna, 'publish box') })
      await s.sees(anna.getByText('It made revision'))
      const { body } = await s.put('GET', '/services/shop.example.com')
      if (body.steer.weighted[0].weight !== 50) throw new Error(`the weight is ${body.steer.weighted[0].weight}`)
    })
    await s.step('and rolled back from its revision', async () => {
      await anna.getByText('It made revision').getByRole('link').click()
      await s.sees(anna.getByRole('heading', { level: 1, name: /^Revision \d+$/ }))
      await s.axe(anna, 'revision')
      const box = await s.open(anna, 'Undo this and all since')
      await s.sees(box.locator('section[aria-label="service/shop.example.com"]'))
      await s.field(box, 'Reason').fill('the night was too busy')
      const was = anna.url()
      await box.getByRole('button', { name: 'Undo this and all since' }).click()
      await anna.waitForURL((u) => u.href !== was)
      const { body } = await s.put('GET', '/services/shop.example.com')
      if (body.steer.weighted[0].weight !== 90) throw new Error(`the weight is ${body.steer.weighted[0].weight}`)
    })
    await s.step('what was undone is had again: rolled back to the revision before', async () => {
      const n = Number(/\d+$/.exec(new URL(anna.url()).pathname)[0])
      await s.go(anna, `/changes/history/${n - 1}`, `Revision ${n - 1}`)
      await s.confirm(anna, 'Roll back to here', { reason: 'the night is over', fill: () => s.axe(anna, 'roll back box') })
      await s.until('half is for Frankfurt', async () => { const { body } = await s.put('GET', '/services/shop.example.com'); if (body.steer.weighted[0].weight !== 50) throw new Error(`the weight is ${body.steer.weighted[0].weight}`) })
      await s.put('PUT', '/services/shop.example.com', weighted)
    })
    await s.step('another draft is withdrawn', async () => {
      await propose(20, 'less for Virginia')
      await s.confirm(anna, 'Withdraw', { reason: 'not today', fill: () => s.axe(anna, 'withdraw box') })
      await s.sees(anna.getByText(/^It was withdrawn/))
    })
    await s.step('history and audit have all of it', async () => {
      await anna.getByRole('link', { name: 'Changes', exact: true }).first().click()
      await s.go(anna, '/changes/history', 'Changes')
      await s.sees(anna.getByText('the night was too busy'))
      await s.axe(anna, 'history')
      await s.go(anna, '/changes/audit?actor=user%2Fanna', 'Changes')
      await s.sees(anna.getByText('the night was too busy'))
      await anna.getByRole('table', { name: 'Audit' }).getByRole('button').first().click()
      await s.sees(anna.getByRole('dialog').getByText('Raft index'))
      await s.axe(anna, 'audit entry')
      await anna.keyboard.press('Escape')
    })
    await s.step('weights are moved on the service page too, with a preview', async () => {
      await s.go(anna, '/services/shop.example.com', 'shop.example.com')
      await anna.getByRole('button', { name: 'Edit: Weights of shop.example.com' }).click()
      const box = anna.getByRole('dialog')
      const weight = box.getByRole('textbox', { name: 'Weight of web-us-east' })
      await weight.fill('60')
      await s.sees(box.getByText('was 90'))
      await s.sees(box.getByText(/%/))
      await s.field(box, 'Reason').fill('CHG-3')
      await s.axe(anna, 'weights')
      await box.getByRole('button', { name: 'Save weights' }).click()
      await s.gone(box)
      await s.until('it is stored', async () => { const { body } = await s.put('GET', '/services/shop.example.com'); if (body.steer.weighted[0].weight !== 60) throw new Error('not 60') })
    })
    for (const name of ['anna', 'bob']) await s.put('DELETE', `/users/${name}`)
    await s.put('DELETE', '/services/shop.example.com')
  },
}
