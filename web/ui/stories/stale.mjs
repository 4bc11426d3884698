/** Two people have one page open: the second cannot write over what the first changed (I-03). */
import { weighted } from './change.mjs'

export default {
  title: 'a page that is old cannot write over what it does not show', short: true, order: 7,
  async run(s) {
    await s.put('PUT', '/services/shop.example.com', weighted)
    const [first, second] = [await s.login(), await s.login()]
    const weights = async (page, to, reason) => {
      await s.go(page, '/services/shop.example.com', 'shop.example.com')
      await page.getByRole('button', { name: 'Edit: Weights of shop.example.com' }).click()
      const box = page.getByRole('dialog')
      await box.getByRole('textbox', { name: 'Weight of web-us-east' }).fill(to)
      await box.getByLabel('Reason').fill(reason)
      return box
    }
    await s.step('of two boxes with weights the second is refused, and says what to do', async () => {
      const [a, b] = [await weights(first, '70', 'first'), await weights(second, '30', 'second')]
      await a.getByRole('button', { name: 'Save weights' }).click()
      await s.gone(a)
      await b.getByRole('button', { name: 'Save weights' }).click()
      await s.sees(b.getByText('Somebody changed it meanwhile.'))
      await s.axe(second, 'a refusal')
      const { body } = await s.put('GET', '/services/shop.example.com')
      if (body.steer.weighted[0].weight !== 70) throw new Error(`the weight is ${body.steer.weighted[0].weight}`)
    })
    await s.step('opened anew it shows what is there, and may be saved', async () => {
      await second.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click()
      const b = await weights(second, '30', 'second, once more')
      await s.sees(b.getByText('was 70'))
      await b.getByRole('button', { name: 'Save weights' }).click()
      await s.gone(b)
    })
    await s.step('of two boxes with records the second is refused', async () => {
      const edit = async (page, address) => {
        await s.go(page, '/zones/example.com', 'example.com')
        const box = await s.open(page, page.getByRole('button', { name: 'Edit mail.example.com. A' }))
        await box.getByLabel('Records').fill(address)
        return box
      }
      const [a, b] = [await edit(first, '192.0.2.26'), await edit(second, '192.0.2.27')]
      await a.getByRole('button', { name: 'Save' }).click()
      await s.gone(a)
      await b.getByRole('button', { name: 'Save' }).click()
      await s.sees(b.getByText('Somebody changed it meanwhile.'))
    })
    await s.put('DELETE', '/services/shop.example.com')
  },
}
