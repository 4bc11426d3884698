import { Alert, Checkbox, List, NumberInput, Skeleton, Stack, Text } from '@mantine/core'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'

import { type Schemas, write } from '../../api/client'
import { get, useWrite } from '../../api/queries'
import { ConfirmAction } from '../../shared/ConfirmAction'
import { because, CopyAs } from '../../shared/CopyAs'
import { Effects } from '../../shared/Effect'
import { ErrorBox } from '../../shared/ErrorBox'
import { Go } from '../../shared/Go'
import { did } from '../../shared/kinds'
import { Loaded, Page } from '../../shared/Page'
import { count } from '../../shared/number'
import { Panel } from '../../shared/Panel'
import { Time } from '../../shared/Time'
import { Diff } from './Diff'
import { touches } from './Draft'

const route = getRouteApi('/app/changes/history/$revision')

export default function RevisionPage() {
  const { revision } = route.useParams()
  const { from } = route.useSearch()
  const navigate = route.useNavigate()
  const n = Number(revision)
  const q = useQuery({ ...get('/revisions/{revision}', { params: { path: { revision: n }, query: from ? { from: Number(from) } : {} } }), placeholderData: keepPreviousData })
  const page = useQuery(get('/revisions', { params: { query: { limit: 1 } } })).data?.body
  const r = q.data?.body.revision
  const yaml = () => fetch(`/api/v1/revisions/${n}/config`, { headers: { Accept: 'application/yaml' }, credentials: 'same-origin' }).then((res) => res.text())
  return (
    <Page title={`Revision ${revision}`} lead={r ? <><span title={r.kind}>{did(r.kind)}{r.object && <span className="mono"> {r.object}</span>}</span>{r.reason && <> · {r.reason}</>}</> : undefined}
      actions={<><Rollback to={n - 1} label="Undo this and all since" current={page?.current} oldest={page?.oldest} /><Rollback to={n} label="Roll back to here" current={page?.current} oldest={page?.oldest} />
        <CopyAs curl={{ path: `/revisions/${revision}` }} cli={from ? `diff ${from} ${revision}` : `diff ${revision}`} yaml={yaml} json={q.data?.body} /></>}>
      <Loaded of={q} lines={8}>
        {({ body }) => (
          <>
            <dl className="facts">
              <div><dt>Made by</dt><dd>{r ? r.actorName ?? r.actor ?? 'the cluster' : ''}</dd></div>
              <div><dt>Audit entry</dt><dd>{r && <Go to="/changes/audit" search={{ before: String(r.seq + 1) }} className="num">{r.seq}</Go>}</dd></div>
              <div data-long><dt>When</dt><dd><Time at={r?.at} full /></dd></div>
              <div data-long><dt>Reason</dt><dd>{r?.reason || 'none given'}</dd></div>
              <div><dt>Neighbours</dt><dd>{n > 1 && <Go to="/changes/history/$revision" params={{ revision: String(n - 1) }} className="num">{n - 1}</Go>}{n > 1 && page && n < page.current && ' · '}{page && n < page.current && <Go to="/changes/history/$revision" params={{ revision: String(n + 1) }} className="num">{n + 1}</Go>}</dd></div>
            </dl>
            <Panel title={`What differs from revision ${body.from} to ${body.to}`} note={count(body.changes.length + (body.more ?? 0))}
              actions={<NumberInput size="xs" w={150} aria-label="Compare with revision" placeholder="compare with" min={0} max={page?.current} allowDecimal={false} value={from ? Number(from) : ''} onChange={(v) => void navigate({ search: { from: v === '' ? undefined : String(v) }, replace: true })} />}>
              <Diff edits={body.changes} more={body.more} none="Nothing in the configuration document or the zones differs. Controls, tokens and the like are in the audit." />
            </Panel>
          </>
        )}
      </Loaded>
    </Page>
  )
}

/** Brings the configuration and the zones back to what they were at a revision, saying first what that changes and for whom. */
function Rollback({ to, label, current, oldest }: { to: number; label: string; current?: number; oldest?: number }) {
  const navigate = useNavigate()
  const [opened, setOpened] = useState(false)
  const [force, setForce] = useState(false)
  const plan = useQuery({
    queryKey: ['/revisions', 'rollback', to, current], enabled: opened, retry: false, gcTime: 0,
    queryFn: () => write('post', '/revisions/{revision}/rollback', { params: { path: { revision: to }, query: { dryRun: true } } }),
  })
  const go = useWrite((reason: string) => write('post', '/revisions/{revision}/rollback', { params: { path: { revision: to }, query: force ? { force: true } : {} } }, { etag: plan.data?.etag, reason }), touches)
  const body = plan.data?.body as Schemas['ConfigResult'] | undefined
  const needsForce = body?.warnings.some((w) => w.includes('force'))
  const refused = current === undefined ? 'The newest revision is not known yet.' : to >= current ? 'That is what there is now.' : oldest !== undefined && to < oldest ? `A rollback reaches back to revision ${oldest}.`
    : plan.error ? plan.error.message : body && body.changes?.length === 0 ? 'It would change nothing.' : opened && !body ? 'What it changes is being worked out.' : undefined
  return (
    <ConfirmAction label={label} title={`Roll back to revision ${to}?`} does={(why) => ({ curl: { method: 'POST', path: `/revisions/${to}/rollback${force ? '?force=true' : ''}`, reason: why }, cli: `rollback ${to}${force ? ' --force' : ''}${because(why)}` })} needs="editor" refused={refused} onOpen={() => setOpened(true)}
      run={async (reason) => { const done = await go.mutateAsync(reason); void navigate({ to: '/changes/history/$revision', params: { revision: String((done.body as Schemas['ConfigResult']).revision) } }) }}>
      <Text size="sm">The configuration and the zones become what they were then. That is a new revision, through the same checks as any change. Controls, tokens, secrets and members stay as they are.</Text>
      <ErrorBox error={plan.error} />
      {!body ? !plan.error && <Skeleton height={90} /> : (
        <Stack gap="sm">
          <Effects list={body.effects} edits={body.changes ?? []} />
          <div style={{ maxHeight: 'min(320px, 24vh)', overflowY: 'auto' }} tabIndex={0} aria-label="What it changes"><Diff edits={body.changes ?? []} none="It would change nothing." /></div>
          {body.warnings.length > 0 && <Alert color="yellow" variant="light" title="To be noticed"><List size="sm">{body.warnings.map((w) => <List.Item key={w}>{w}</List.Item>)}</List></Alert>}
          {needsForce && <Checkbox checked={force} onChange={(e) => setForce(e.currentTarget.checked)} label="It deletes much, and that is meant" />}
        </Stack>
      )}
    </ConfirmAction>
  )
}
