/** Texts that would be scripts if a page let them (S-15), in every field that takes text: nothing runs, on any page. */
import { createServer } from 'node:net'

import { ask } from './lib/dns.mjs'
import { places, settled } from './lib/places.mjs'

const run = (n) => `globalThis.__ran=(globalThis.__ran||'')+'${n} '`
const payloads = [
  `<img src=x onerror="${run(1)}">`, `"><script>${run(2)}</script>`, `javascript:${run(3)}`, `\${{constructor.constructor("${run(4)}")()}}{{7*7}}`, `'-alert(5)-'`, `<svg/onload=${run(6)}>`, '</textarea></title><iframe srcdoc="<script>parent.__ran=7</script>">',
]
const all = payloads.join(' ')

export default {
  title: 'stored texts that would be scripts execute nothing', fresh: true, order: 20,
  async run(s) {
    const taken = {}
    const give = async (what, method, path, body, options) => {
      const got = await s.api(method, path, body, options)
      if (got.status >= 500) s.find(`${what}: ${got.status} ${JSON.stringify(got.body)}`)
      taken[what] = got.status < 300
      return got
    }
    const server = createServer((c) => c.on('error', () => undefined).end(`HTTP/1.1 <img/src=x/onerror=globalThis.__ran=8> no\r\nLocation: ${payloads[2]}\r\nServer: ${payloads[5]}\r\nContent-Length: ${all.length}\r\n\r\n${all}`))
    await new Promise((on) => server.listen(0, '127.0.9.9', on))
    const intruder = server.address()
    const reason = { headers: { 'X-Reason': `${payloads[0]} ${payloads[1]} ${payloads[2]}` } }
    await s.step('the texts are stored', async () => {
      await give('reason of a control', 'POST', '/controls', { target: 'pool/web-eu-central', action: 'share', share: 50, reason: all })
      await give('reason of a drain', 'POST', '/controls', { target: 'endpoint/web-ap-southeast/a', action: 'drain', reason: all, expiresIn: '2h' })
      await give('label, provider and zone', 'PUT', '/pools/hostile', { name: 'hostile', region: 'us-east', monitor: 'web', endpoints: [{ name: 'a', address: '127.0.1.1', labels: { [payloads[0]]: all, plain: all } }] }, reason)
      await give('label alone', 'PUT', '/pools/hostile', { name: 'hostile', region: 'us-east', monitor: 'web', endpoints: [{ name: 'a', address: '127.0.1.1', labels: { plain: all } }] }, reason)
      await give('name of a region', 'PUT', `/regions/${encodeURIComponent(payloads[0])}`, { name: payloads[0], place: { iata: 'GRU' } })
      await give('path of a monitor', 'PUT', '/monitors/hostile', { name: 'hostile', http: { port: 8000, path: `/${payloads[0]}`, host: payloads[5] } }, reason)
      await give('body that a monitor wants', 'PUT', '/monitors/hostile2', { name: 'hostile2', http: { port: 8000, path: '/healthz', body: { contains: payloads[0] } } }, reason)
      await give('service name', 'PUT', `/services/${encodeURIComponent(`${payloads[5]}.example.com`)}`, { name: `${payloads[5]}.example.com`, steer: { pool: 'hostile' } }, reason)
      await give('TXT records', 'PUT', '/zones/example.com/rrsets/hostile.example.com./TXT', { ttl: 300, records: payloads.map((p) => JSON.stringify(p)) }, reason)
      await give('name of a record', 'PUT', `/zones/example.com/rrsets/${encodeURIComponent('\\<img\\ src=x\\ onerror=alert\\(8\\)\\>.example.com.')}/TXT`, { ttl: 300, records: ['"x"'] }, reason)
      await give('name of a user', 'POST', '/users', { name: payloads[0], role: 'viewer', password: 'a-long-password' })
      await give('name of a token', 'POST', '/tokens', { name: all.slice(0, 200), role: 'viewer' }, reason)
      await give('name of a short token', 'POST', '/tokens', { name: payloads[0], role: 'viewer' }, reason)
      await give('city of an override', 'PUT', '/places/198.51.100.0%2F24', { cidr: '198.51.100.0/24', country: 'DE', city: payloads[0], subdivision: payloads[1] }, { headers: { 'If-Match': '"0"', ...reason.headers } })
      await give('city alone', 'PUT', '/places/198.51.100.0%2F24', { cidr: '198.51.100.0/24', country: 'DE', city: payloads[0] }, reason)
      await give('URL of a webhook that is a script', 'PUT', '/notifications/hostile', { name: 'hostile', webhook: { url: payloads[2] } })
      await give('URL of a webhook', 'PUT', '/notifications/hostile', { name: 'hostile', webhook: { url: `http://127.0.0.1:1/?q=${payloads[0]}` } }, reason)
      await give('single sign-on', 'PUT', '/access/oidc', { issuer: 'https://login.example.com', clientID: payloads[0], redirectURL: 'https://meridian.example.com/api/v1/auth/oidc/callback', groupsClaim: payloads[5], domains: [payloads[5]], roles: [{ group: payloads[0], role: 'viewer' }] }, reason)
      await give('single sign-on, with a domain that is one', 'PUT', '/access/oidc', { issuer: 'https://login.example.com', clientID: payloads[0], redirectURL: 'https://meridian.example.com/api/v1/auth/oidc/callback', groupsClaim: payloads[5], roles: [{ group: payloads[0], role: 'viewer' }] }, reason)
      const draft = await give('title of a draft', 'POST', '/drafts', { title: `${payloads[0]} ${payloads[1]}`, changes: [{ putObject: { pool: { name: 'hostile', region: 'us-east', monitor: 'web', endpoints: [{ name: 'a', address: '127.0.1.1', weight: 7, labels: { plain: payloads[0] } }] } } }] }, reason)
      await s.put('POST', '/users', { name: 'eve', role: 'editor', password: 'eve-has-a-password' })
      const eve = await s.login({ user: 'eve', password: 'eve-has-a-password' })
      if (draft.status < 300) {
        const got = await eve.context().request.post(`/api/v1/drafts/${draft.body.draft?.id ?? draft.body.id}/reviews`, { data: { verdict: 'reject', comment: all }, headers: { 'Sec-Fetch-Site': 'same-origin' } })
        taken['comment of a review'] = got.ok()
      }
      await give('title of a plan', 'PUT', '/drill-plans/hostile', { name: 'hostile', title: `${payloads[0]} ${payloads[5]}`, evacuate: ['region/us-east'], hold: '1h', approvals: 1 }, reason)
      const drill = await give('reason of a drill', 'POST', '/drills', { plan: 'hostile' }, reason)
      if (drill.status < 300) await give('reason of an abort', 'POST', `/drills/${drill.body.id}/abort`, undefined, reason)
      await give('signal', 'PUT', '/signals/hostile', { status: 'down', reason: payloads[0] + payloads[1], maxAge: '1h' }, reason)
      await give('switch', 'PUT', '/switches/hostile', { on: true, reason: all }, reason)
      await give('safety rule', 'PUT', '/safety-rules/hostile', { name: 'hostile', neverTogether: ['region/us-east', `region/${payloads[0]}`] }, reason)
      // What strangers write: the names that resolvers ask for, and what an endpoint that somebody has taken over answers.
      await give('sampling', 'PUT', '/queries', { sample: '1/1', for: '10m' })
      for (let i = 0; i < 4; i++) for (const p of payloads) await ask(5301, [Buffer.from(p).subarray(0, 63), 'example', 'com'])
      await give('monitor of who is taken over', 'PUT', '/monitors/taken', { name: 'taken', interval: '1s', http: { port: intruder.port, path: '/?q=%3Cimg%20src=x%20onerror=alert(1)%3E' } }, reason)
      await give('endpoint that is taken over', 'PUT', '/pools/taken', { name: 'taken', region: 'us-east', monitor: 'taken', endpoints: [{ name: 'a', address: '127.0.9.9' }] }, reason)
      await give('webhook of a runbook', 'PUT', '/drill-plans/hostile-steps', { name: 'hostile-steps', title: payloads[6], steps: [{ name: 'tell', webhook: { url: `http://127.0.0.1:1/${payloads[0]}`, body: JSON.stringify({ text: all }) }, onFailure: 'continue' }, { name: payloads[0], wait: '1h' }] }, reason)
      await give('URL of a webhook of a runbook', 'PUT', '/drill-plans/hostile-steps', { name: 'hostile-steps', title: payloads[6], steps: [{ name: 'tell', webhook: { url: `https://127.0.0.1:1/?${payloads[0]}`, body: JSON.stringify({ text: all }) }, onFailure: 'continue' }, { name: 'stay', wait: '1h' }] }, reason)
      await s.until('the endpoint that is taken over has been probed', async () => {
        const got = (await s.put('GET', '/health?pool=taken')).body.items[0]
        if (got?.measured !== 'down') throw new Error(JSON.stringify(got?.checks[0]?.reports[0]))
        if (JSON.stringify(got).includes('__ran=8')) s.find('what an endpoint answers is told word by word')
      }, 30_000)
      await give('a call that is refused', 'DELETE', `/zones/${encodeURIComponent(payloads[0])}`, undefined, reason)
      await s.api('POST', '/notifications/hostile/test')
      for (const must of ['reason of a control', 'label alone', 'TXT records', 'title of a draft', 'comment of a review', 'title of a plan', 'city alone', 'reason of a drill']) {
        if (!taken[must]) s.find(`the ${must} was refused, so that nothing was shown of it`)
      }
    })
    const page = await s.login()
    const look = async (where) => {
      const got = await page.evaluate(() => ({
        ran: globalThis.__ran, links: [...document.querySelectorAll('[href],[src],[action]')].flatMap((e) => ['href', 'src', 'action'].map((a) => e.getAttribute(a))).filter((v) => v && /^\s*javascript:/i.test(v)),
        made: document.querySelectorAll('img[src="x"], script:not([src]), iframe, [onerror], [onload]').length, seven: document.body.innerText.includes('{{7*7}}') ? 0 : document.body.innerText.match(/\)\(\)\}\}49/) ? 1 : 0,
      }))
      if (got.ran) s.find(`${where}: ran ${got.ran}`)
      if (got.links.length) s.find(`${where}: leads to ${got.links}`)
      if (got.made) s.find(`${where}: ${got.made} elements were made of a text`)
      if (got.seven) s.find(`${where}: a template was worked out`)
    }
    const visited = await places(s)
    let shown = 0
    for (const path of [...visited, `/services/${encodeURIComponent(payloads[0])}`, `/health?q=${encodeURIComponent(payloads[1])}`, `/what-if?name=${encodeURIComponent(payloads[0])}&client=${encodeURIComponent(payloads[5])}&assume=${encodeURIComponent(payloads[2])}`, `/login?error=${encodeURIComponent(all)}&next=${encodeURIComponent('javascript:alert(9)')}`, '/login?next=//evil.example']) {
      await s.step(`nothing runs at ${path}`, async () => {
        await page.goto(path)
        await settled(s, page)
        await look(path)
        if ((await page.locator('body').innerText()).includes('onerror=')) shown++
        for (const d of await page.locator('details:not([open]) > summary').all()) await d.click().catch(() => undefined)
        await look(path)
      })
    }
    if (shown < 12) s.find(`only ${shown} pages showed a text as it is`)
    await s.step('nothing runs in boxes and hints', async () => {
      for (const [path, open] of [['/services/www.example.com', /^Lift$/], ['/zones/example.com', /^Edit hostile/], ['/access?tab=users', /^Edit$/], ['/access?tab=notifications', /^Edit$/], ['/access?tab=sign-on', /^Edit$/], ['/drills/plans/hostile', /^Delete$/]]) {
        await page.goto(path)
        await settled(s, page)
        const b = page.getByRole('button', { name: open }).first()
        await b.click()
        await look(`${path}, ${open}`)
        await page.keyboard.press('Escape')
      }
      await page.goto('/changes/audit')
      await settled(s, page)
      await page.getByRole('table', { name: 'Audit' }).getByRole('button').first().click()
      await look('an audit entry')
    })
    await s.step('the report and the API reference are as safe', async () => {
      await page.goto('/api/v1/docs')
      await look('the API reference')
      for (const r of (await s.put('GET', '/reports')).body.items) {
        const html = await (await fetch(`${s.addr}/api/v1/reports/${r.id}`, { headers: { Authorization: `Bearer ${s.token}`, Accept: 'text/html' } })).text()
        if (/<img src=x|<script>global/.test(html)) s.find(`the report ${r.id} has a text of somebody as HTML`)
      }
    })
    s.note(`stored: ${Object.keys(taken).filter((k) => taken[k]).join(', ')}; refused: ${Object.keys(taken).filter((k) => !taken[k]).join(', ')}; shown on ${shown} of ${visited.length} pages`)
  },
}
