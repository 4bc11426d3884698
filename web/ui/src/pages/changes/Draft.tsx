import { Alert, List, SegmentedControl, Stack, Text, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useRef, useState } from 'react'

import { type Got, type Schemas, read, write } from '../../api/client'
import { useSession } from '../../api/guard'
import { get, useWrite } from '../../api/queries'
import { ConfirmAction } from '../../shared/ConfirmAction'
import { because, CopyAs, shell } from '../../shared/CopyAs'
import { Effects } from '../../shared/Effect'
import { Go } from '../../shared/Go'
import { Loaded, Page } from '../../shared/Page'
import { count } from '../../shared/number'
import { Panel } from '../../shared/Panel'
import { percent } from '../../shared/Share'
import { StateIcon, StatusBadge } from '../../shared/Status'
import { Time } from '../../shared/Time'
import { CanaryNow, StartCanary } from './Canary'
import css from './Changes.module.css'
import { Diff } from './Diff'
import { standingOf, verdicts } from './words'

const route = getRouteApi('/app/changes/drafts/$id')
export const touches = ['/drafts', '/config', '/services', '/pools', '/revisions', '/audit', '/zones', '/answers'] as const

export default function DraftPage() {
  const { id } = route.useParams()
  const took = useRef(0)
  const init = { params: { path: { id } } }
  const q = useQuery({
    ...get('/drafts/{id}', init),
    queryFn: ({ signal }) => { const from = Date.now(); return read('/drafts/{id}', init, signal).finally(() => { took.current = Date.now() - from }) },
    // No event tells of reviews. To work out a draft of hundreds of services takes a node long: it is not kept busy by who looks on.
    refetchInterval: (s) => (s.state.data?.body.draft.state !== 'open' ? false : Math.max(s.state.data.body.draft.canary?.state === 'running' ? 3000 : 8000, 10 * took.current)),
  })
  if (!q.data) return <Page title={`Draft ${id}`}><Loaded of={q} lines={8}>{() => null}</Loaded></Page>
  return <Shown got={q.data} />
}

function Shown({ got }: { got: Got<Schemas['DraftShown']> }) {
  const { draft, fits, problem, changes, effects, health, conditions, warnings } = got.body
  const open = draft.state === 'open'
  const moved = effects.reduce((m, e) => Math.max(m, e.moved), 0)
  const objects = new Set(changes.map((c) => c.object)).size
  const etag = `"${draft.version}"`
  return (
    <Page title={draft.title} status={<StatusBadge {...standingOf(draft)} size="md" />} lead={<><span className="mono">{draft.id}</span> by {draft.authorName ?? draft.author ?? 'somebody'}, <Time at={draft.createdAt} /></>}
      actions={<>
        {open && <><Publish got={got} etag={etag} /><StartCanary draft={draft} etag={etag} fits={fits} problem={problem} effects={effects} /><Review got={got} etag={etag} />
          <Withdraw id={draft.id} title={draft.title} canary={draft.canary?.state === 'running'} /></>}
        <CopyAs curl={{ path: `/drafts/${draft.id}` }} cli={`draft show ${draft.id}`} json={got.body} />
      </>}>
      {open && !fits && <Alert color="red" variant="light" title="It does not fit any more"><Text size="sm">{problem}</Text><Text size="sm">Put the change in anew, on what there is now.</Text></Alert>}
      {draft.state === 'published' && <Alert color="green" variant="light" title="Published"><Text size="sm">It made revision {draft.revision ? <Go to="/changes/history/$revision" className="underlined" params={{ revision: String(draft.revision) }}>{draft.revision}</Go> : 'none: nothing differed'}, <Time at={draft.closedAt} />. What it changed, and the way back, are there.</Text></Alert>}
      {draft.canary && <CanaryNow draft={draft} conditions={conditions ?? []} />}
      <dl className="facts">
        <div><dt>Based on revision</dt><dd className="num"><Go to="/changes/history/$revision" params={{ revision: String(draft.base) }}>{draft.base}</Go></dd></div>
        {open && <div><dt>Changes</dt><dd className="num">{count(changes.length)} field{changes.length === 1 ? '' : 's'}, {count(objects)} object{objects === 1 ? '' : 's'}</dd></div>}
        {open && <div><dt>Clients who get another answer</dt><dd className="num">{moved === 0 ? 'none' : `up to ${percent(moved)} of a service`}</dd></div>}
        <div><dt>Approvals</dt><dd className="num">{verdicts(draft).filter((r) => r.approve).length}</dd></div>
      </dl>
      <div className={css.two}>
        <div>
          {open && <Panel title="What it changes"><Diff edits={changes} none="It changes nothing as things are now." /></Panel>}
          {!open && draft.state === 'published' && draft.revision ? <Published revision={draft.revision} /> : null}
          {!open && draft.state === 'withdrawn' && <Text size="sm" c="dimmed">It was withdrawn <Time at={draft.closedAt} />, and changed nothing.</Text>}
        </div>
        <div>
          {open && <Panel title="Whose answers change">
            <Stack gap="md">
              <Effects list={effects} edits={changes} most={8} rows={5} />
            </Stack>
          </Panel>}
          {open && health && health.length > 0 && <Panel title="What is behind it" note="healthy, now and by the draft"><HealthOf list={health} /></Panel>}
          {warnings.length > 0 && <Alert color="yellow" variant="light" title="To be noticed"><List size="sm">{warnings.map((w) => <List.Item key={w}>{w}</List.Item>)}</List></Alert>}
          <Panel title="Reviews" note={draft.reviews.length ? String(draft.reviews.length) : undefined}>
            {draft.reviews.length === 0 ? <Text size="sm" c="dimmed">Nobody has looked at it yet. Nobody approves their own.</Text> : (
              <ul className="plainlist">{draft.reviews.map((r, i) => (
                <li key={i} className={css.review}><StateIcon state={r.approve ? 'up' : 'down'} size={11} /><span><b>{r.actorName ?? r.actor}</b> {r.approve ? 'approves' : 'rejects'}{r.comment && <Text size="sm" c="dimmed">{r.comment}</Text>}</span><Text size="xs" c="dimmed"><Time at={r.at} /></Text></li>
              ))}</ul>
            )}
          </Panel>
        </div>
      </div>
    </Page>
  )
}

function Published({ revision }: { revision: number }) {
  const q = useQuery(get('/revisions/{revision}', { params: { path: { revision } } }))
  return <Panel title="What it changed"><Loaded of={q}>{({ body }) => <Diff edits={body.changes} more={body.more} />}</Loaded></Panel>
}

const fewest = 8 // services, of a draft of many: those of which the draft changes something first

function HealthOf({ list }: { list: Schemas['DraftHealth'][] }) {
  const same = (h: Schemas['DraftHealth']) => h.up === h.draftUp && h.endpoints === h.draftEndpoints
  const sorted = list.toSorted((a, b) => Number(same(a)) - Number(same(b)))
  if (list.length <= fewest + 2) return <Behind list={list} />
  return (
    <>
      <Behind list={sorted.slice(0, fewest)} />
      <details className="reasons"><summary>{list.length >= 100 && 'At least '}{count(list.length - fewest)} more services</summary><Behind list={sorted.slice(fewest)} /></details>
    </>
  )
}

function Behind({ list }: { list: Schemas['DraftHealth'][] }) {
  return (
    <ul className="plainlist">{list.map((h) => (
      <li key={h.service} className={css.review} data-behind>
        <StateIcon state={h.draftEndpoints === 0 ? 'unknown' : h.draftUp === 0 ? 'down' : h.draftUp < h.draftEndpoints ? 'degraded' : 'up'} size={11} />
        <b className="mono">{h.service}</b>
        <span className="num">{h.endpoints ? `${h.up}/${h.endpoints}` : 'new'} → {h.draftEndpoints ? `${h.draftUp}/${h.draftEndpoints}` : 'deleted'}</span>
      </li>
    ))}</ul>
  )
}

function Review({ got, etag }: { got: Got<Schemas['DraftShown']>; etag: string }) {
  const { draft } = got.body
  const me = useSession().data?.body.actor
  const [verdict, setVerdict] = useState<'approve' | 'reject'>('approve')
  const [comment, setComment] = useState('')
  const review = useWrite(async () => {
    if (verdict === 'reject' && !comment.trim()) throw new Error('To reject, say why: the author wants to know what to mend.')
    return write('post', '/drafts/{id}/reviews', { params: { path: { id: draft.id } }, body: { verdict, comment: comment.trim() || undefined } }, { etag })
  }, touches)
  const own = me !== undefined && me === draft.author
  return (
    <ConfirmAction label="Review" title={`Review ${draft.id}, ${draft.title}`} does={() => ({ curl: { method: 'POST', path: `/drafts/${draft.id}/reviews`, body: { verdict, comment: comment.trim() || undefined } }, cli: `draft ${verdict} ${draft.id}${comment.trim() ? ` --comment ${shell(comment.trim())}` : ''}` })} needs="editor" reason="none" danger={false} button={{ variant: 'default' }}
      refused={own ? 'It is yours: nobody approves their own.' : undefined} run={() => review.mutateAsync(undefined)}>
      <SegmentedControl aria-label="Verdict" value={verdict} onChange={(v) => setVerdict(v as 'approve' | 'reject')} data={[{ value: 'approve', label: 'Approve' }, { value: 'reject', label: 'Reject' }]} />
      <Text size="sm">{verdict === 'approve' ? 'It may be published then, as soon as its review rules have enough approvals. Your word is of exactly what is on the screen.' : 'It is not published until you approve it, or its content is another.'}</Text>
      <TextInput label="Comment" required={verdict === 'reject'} value={comment} onChange={(e) => setComment(e.currentTarget.value)} maxLength={1000} />
    </ConfirmAction>
  )
}

function Publish({ got, etag }: { got: Got<Schemas['DraftShown']>; etag: string }) {
  const { draft, fits, problem, effects, changes } = got.body
  const publish = useWrite((reason: string) => write('post', '/drafts/{id}/publish', { params: { path: { id: draft.id } } }, { etag, reason }), touches)
  const rejected = verdicts(draft).find((r) => !r.approve)
  return (
    <ConfirmAction label="Publish" title={`Publish ${draft.id}, ${draft.title}?`} does={(why) => ({ curl: { method: 'POST', path: `/drafts/${draft.id}/publish`, reason: why }, cli: `draft publish ${draft.id}${because(why)}` })} needs="editor" reason="optional" danger={false} button={{ variant: 'filled' }}
      refused={!fits ? problem ?? 'It does not fit what there is now.' : rejected ? `${rejected.actorName ?? rejected.actor} rejects it.` : undefined} run={(r) => publish.mutateAsync(r)}>
      <Text size="sm">It goes in whole or not at all: <b>{count(changes.length)}</b> difference{changes.length === 1 ? '' : 's'} of <b className="mono">{[...new Set(changes.map((c) => c.object))].slice(0, 6).join(', ')}</b>.</Text>
      <Effects list={effects} edits={changes} />
    </ConfirmAction>
  )
}

function Withdraw({ id, title, canary }: { id: string; title: string; canary?: boolean }) {
  const withdraw = useWrite((reason: string) => write('delete', '/drafts/{id}', { params: { path: { id } } }, { reason }), touches)
  return (
    <ConfirmAction label="Withdraw" title={`Withdraw ${id}, ${title}?`} does={(why) => ({ curl: { method: 'DELETE', path: `/drafts/${id}`, reason: why }, cli: `draft withdraw ${id}` })} needs="editor" reason="optional" run={(r) => withdraw.mutateAsync(r)}>
      <Text size="sm">It is kept in the list as withdrawn, and can no longer be published.{canary ? ' Its canary ends: those nodes answer as all others do.' : ' No client is moved.'}</Text>
    </ConfirmAction>
  )
}

