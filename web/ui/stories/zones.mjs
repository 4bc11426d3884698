/** A zone is imported, browsed, edited, exported and deleted. */
import { readFileSync } from 'node:fs'

const master = `$ORIGIN example.net.
$TTL 300
@ IN SOA ns1 hostmaster 1 3600 900 1209600 60
@ IN NS ns1
ns1 IN A 192.0.2.1
${Array.from({ length: 450 }, (_, i) => `host-${String(i).padStart(3, '0')} IN A 192.0.2.${i % 250 + 1}`).join('\n')}
`

export default {
  title: 'import a zone, edit records, export and delete it', short: true, order: 5,
  async run(s) {
    const page = await s.login()
    await s.go(page, '/zones', 'Zones')
    await s.step('a file with a mistake changes nothing, and each mistake has its line', async () => {
      const box = await s.open(page, 'New zone')
      await s.field(box, 'Name').fill('example.net')
      await s.axe(page, 'new zone')
      await box.getByRole('tab', { name: 'From a master file' }).click()
      await s.field(box, 'Master file').fill(master.replace('192.0.2.1\n', '192.0.2.1000\n'))
      await box.getByRole('button', { name: 'Create' }).click()
      await s.sees(box.getByText(/line 5/))
      await s.axe(page, 'mistakes of a zone')
    })
    await s.step('the mended file makes the zone', async () => {
      const box = page.getByRole('dialog')
      await box.locator('input[type=file]').or(page.locator('input[type=file]')).first().setInputFiles({ name: 'example.net.zone', mimeType: 'text/dns', buffer: Buffer.from(master) })
      await s.sees(box.getByText('example.net.zone'))
      await s.until('the box has grown to it', async () => { const h = (await box.boundingBox()).height; await page.waitForTimeout(200); if ((await box.boundingBox()).height !== h) throw new Error('it grows') }) // a button that moves is not pressed
      await s.field(box, 'Reason').fill('CHG-4')
      await box.getByRole('button', { name: 'Create' }).click()
      await page.waitForURL(/\/zones\/example\.net/)
      await s.sees(page.getByText(/^45\d records/))
      await s.axe(page, 'zone')
    })
    await s.step('pages forth and back, one name, one type', async () => {
      await page.getByRole('button', { name: 'Next 200' }).click()
      await page.waitForURL(/after=/)
      await s.sees(page.getByText('host-198', { exact: true }))
      await page.getByRole('button', { name: 'Back' }).click()
      await page.waitForURL((u) => !u.search.includes('after'))
      await s.field(page, 'Only this name').fill('host-007')
      await s.field(page, 'Only this name').press('Enter')
      await s.sees(page.getByText('1 RRset, from the beginning, the last page'))
      await page.getByRole('button', { name: 'Clear' }).click()
      await s.choose(page, s.field(page, 'Only this type'), 'NS')
      await s.sees(page.getByText('1 RRset, from the beginning, the last page'))
      await page.getByRole('button', { name: 'Clear' }).first().click()
      await s.field(page, 'Begin at').fill('host-300')
      await s.field(page, 'Begin at').press('Enter')
      await s.sees(page.getByText('host-300', { exact: true }))
      await page.getByRole('button', { name: 'First' }).click()
    })
    await s.step('a wrong record is told at its field, before anything is sent', async () => {
      const box = await s.open(page, 'New records')
      await s.field(box, 'Name').fill('mail')
      await s.choose(page, s.field(box, 'Type'), 'MX')
      await s.field(box, 'Records').fill('10 mail.example.net')
      const field = s.field(box, 'Records')
      await s.until('the field is marked as wrong', async () => { if (await field.getAttribute('aria-invalid') !== 'true') throw new Error('it is not') })
      await s.sees(box.getByText('line 1: the name needs its final dot'))
      if (await box.getByRole('button', { name: 'Save' }).isEnabled()) throw new Error('it can be saved')
      await s.axe(page, 'a wrong record')
      await field.fill('10 mail.example.net.')
      await s.field(box, 'Reason').fill('CHG-5')
      await box.getByRole('button', { name: 'Save' }).click()
      await s.gone(box)
    })
    await s.step('what only the node knows to be wrong is told in the box', async () => {
      const box = await s.open(page, 'New records')
      await s.field(box, 'Name').fill('host-001')
      await s.choose(page, s.field(box, 'Type'), 'CNAME')
      await s.field(box, 'Records').fill('www.example.org.')
      await box.getByRole('button', { name: 'Save' }).click()
      await s.sees(box.getByRole('alert'))
      await box.getByRole('button', { name: 'Cancel' }).click()
    })
    await s.step('a record is changed, and another deleted', async () => {
      await s.field(page, 'Only this name').fill('host-001')
      await s.field(page, 'Only this name').press('Enter')
      const box = await s.open(page, page.getByRole('button', { name: 'Edit host-001.example.net. A' }))
      await s.field(box, 'Records').fill('198.51.100.7\n198.51.100.8')
      await box.getByRole('button', { name: 'Save' }).click()
      await s.gone(box)
      await s.sees(page.getByText('198.51.100.7, 198.51.100.8'))
      await s.confirm(page, page.getByRole('row', { name: /host-001/ }).getByRole('button', { name: 'Delete' }), { reason: 'gone' })
      await s.sees(page.getByText('No record is like that.'))
    })
    await s.step('export gives the file', async () => {
      const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Export' }).click()])
      const text = readFileSync(await file.path(), 'utf8')
      if (!/10 mail\.example\.net\./.test(text) || /host-001\b/.test(text)) throw new Error(`the file is not the zone: ${text.slice(0, 300)}`)
    })
    await s.step('import over it says what is lost; here it is cancelled', async () => {
      const box = await s.open(page, 'Import')
      await s.sees(box.getByText('Replace all of example.net?'))
      await s.axe(page, 'import')
      await box.getByRole('button', { name: 'Cancel' }).click()
      await s.gone(box)
    })
    await s.step('imported over, it is the new file and nothing else', async () => {
      const box = await s.open(page, 'Import')
      await s.field(box, 'Master file').fill(master.split('\n').slice(0, 8).join('\n'))
      await s.field(box, 'Reason').fill('CHG-11')
      await box.locator('button[type=submit]').click()
      await s.gone(box)
      await page.getByRole('button', { name: 'Clear' }).first().click({ timeout: 2000 }).catch(() => undefined)
      await s.sees(page.getByText(/^[56] records/))
      await s.sees(page.getByText('host-001', { exact: true }))
      if (await page.getByText('host-007', { exact: true }).count()) throw new Error('what is not in the file is still there')
    })
    await s.step('a zone that services steer cannot be deleted; this one can', async () => {
      await s.go(page, '/zones/example.com', 'example.com')
      await s.refused(page, page.getByRole('button', { name: 'Delete', exact: true }).first(), /Services steer names in it: www\.example\.com/)
      await s.go(page, '/zones/example.net', 'example.net')
      await s.confirm(page, page.getByRole('button', { name: 'Delete', exact: true }).first(), { reason: 'sold', type: 'example.net' })
      await page.waitForURL(/\/zones$/)
      await s.gone(page.getByRole('link', { name: 'example.net' }))
    })
    await s.step('an empty zone is begun', async () => {
      await s.confirm(page, 'New zone', { fill: async (box) => { await s.field(box, 'Name').fill('example.org') } })
      await page.waitForURL(/\/zones\/example\.org/)
      await s.sees(page.getByText(/^2 records/))
    })
    await s.put('DELETE', '/zones/example.org')
  },
}
