/** Every page of the UI as it is at a node: fixed ones, and those of each object that is there. */
export async function places(s) {
  const list = async (path) => (await s.put('GET', path)).body.items ?? []
  const of = (path, names) => names.map((n) => `${path}/${encodeURIComponent(n)}`)
  const [services, zones, drafts, plans, drills, reports, health, revisions, cluster] = await Promise.all([
    list('/services'), list('/zones'), list('/drafts'), list('/drill-plans'), list('/drills'), list('/reports'), list('/health'), list('/revisions?limit=30'), s.put('GET', '/cluster'),
  ])
  return [
    '/', '/services', '/health', '/what-if', '/drills', '/drills/new', '/drills/new?what=steps', '/zones', '/changes', '/changes/new', '/changes/new?object=document', '/changes/history', '/changes/audit', '/cluster', '/queries',
    ...['users', 'tokens', 'roles', 'sign-on', 'notifications', 'geo'].map((t) => `/access?tab=${t}`), '/no/such/page',
    ...of('/services', services.slice(0, 12).map((v) => v.name ?? v.names[0])), ...of('/zones', zones.slice(0, 12).map((z) => z.name.replace(/\.$/, ''))),
    ...of('/changes/drafts', drafts.slice(0, 12).map((d) => d.id)), ...of('/drills/plans', plans.slice(0, 12).map((p) => p.name)), ...plans.slice(0, 2).map((p) => `/drills/new?from=${p.name}`),
    ...of('/drills', drills.slice(0, 12).map((d) => d.id)), ...of('/drills/reports', reports.slice(0, 12).map((r) => r.id)),
    ...health.slice(0, 12).map((e) => `/health/${e.endpoint.replace('endpoint/', '')}`), ...of('/changes/history', revisions.slice(0, 14).map((r) => String(r.revision))),
    `/cluster?node=${cluster.body.members.at(-1).node}`,
    ...drafts.slice(0, 1).map((d) => `/what-if?name=www.example.com&draft=${d.id}`),
  ]
}

/** Waits until a page has nothing left that it waits for. */
export async function settled(s, page) {
  await page.locator('h1').first().waitFor()
  await s.until(`${page.url()} has loaded`, async () => { if (await page.locator('[aria-busy="true"], .mantine-Skeleton-root').count()) throw new Error('something is still loading') }, 30_000)
}
