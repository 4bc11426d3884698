import { Alert, Button, Group, List, Select, Stack, Text, TextInput, Textarea } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { useMemo, useState } from 'react'

import { type Schemas, write } from '../../api/client'
import { useWhyNot } from '../../api/guard'
import { get, useWrite } from '../../api/queries'
import { CopyAs, shell } from '../../shared/CopyAs'
import { Effects } from '../../shared/Effect'
import { ErrorBox } from '../../shared/ErrorBox'
import { Guarded } from '../../shared/Guarded'
import { Loaded, Page } from '../../shared/Page'
import { Panel } from '../../shared/Panel'
import { ReasonInput } from '../../shared/ReasonInput'
import { Waiting } from '../../shared/Waiting'
import css from './Changes.module.css'
import { Diff } from './Diff'
import { kinds } from './words'

const route = getRouteApi('/app/changes/new')

/** What is chosen to put in new objects, or several: a part of the document. */
const several = 'document'
const skeleton = { regions: [{ name: 'REGION', place: { iata: 'FRA' } }], pools: [{ name: 'POOL', region: 'REGION', monitor: 'MONITOR', endpoints: [{ name: 'a', address: '192.0.2.1' }] }] }

/** What an object of the document goes by: a service by the first of its names where it has none of its own, a place by its network. */
interface Named { name?: string; names?: string[]; cidr?: string; asn?: number }
const nameOf = (o: Named) => o.name ?? o.names?.[0] ?? o.cidr ?? (o.asn ? `AS${o.asn}` : '')

export default function Propose() {
  const { object } = route.useSearch()
  const navigate = route.useNavigate()
  const config = useQuery({ ...get('/config'), staleTime: Infinity })
  return (
    <Page title="Propose a change" lead="Choose an object, change it, and put it where others can look at it. Nothing is changed until the draft is published.">
      <Loaded of={config}>
        {({ body }) => {
          const groups = kinds.map(([kind, list]) => ({ group: kind, items: ((body as Record<string, unknown>)[list] as Named[] | undefined ?? []).map((o) => `${kind}/${nameOf(o)}`) })).filter((g) => g.items.length > 0)
          const kind = kinds.find(([k]) => object?.startsWith(`${k}/`))
          const one = kind && ((body as Record<string, unknown>)[kind[1]] as Named[] | undefined)?.find((o) => `${kind[0]}/${nameOf(o)}` === object)
          return (
            <Stack gap="md">
              <Panel title="1  What">
                <Select label="Object" data={[{ value: several, label: 'New objects, or several at once' }, ...groups]} value={object ?? null} onChange={(v) => void navigate({ search: { object: v ?? undefined }, replace: true })} searchable limit={80} placeholder="service/www.example.com" maw={480} />
                <Text size="xs" c="dimmed" mt="xs">From a file: <span className="mono">meridian draft create --title TEXT -f FILE</span></Text>
              </Panel>
              {kind && one && object && <Editor key={object} object={object} now={one} document={(v) => ({ [kind[1]]: [v] })} change={(v) => ({ putObject: { [kind[0]]: v } as Schemas['ObjectPut'] })} />}
              {object === several && <Editor key={object} object="a part of the document" now={skeleton} document={(v) => v as Schemas['Config']} change={(v) => ({ config: { document: v as Schemas['Config'], merge: true } })} />}
              {object && object !== several && !one && <ErrorBox error={new Error(`There is no ${object}.`)} title="Not there" />}
            </Stack>
          )
        }}
      </Loaded>
    </Page>
  )
}

interface Edited {
  object: string
  now: unknown
  document: (value: unknown) => Schemas['Config'] // with it, for the plan
  change: (value: unknown) => Schemas['ChangeItem'] // that the draft makes
}

function Editor({ object, now, document, change }: Edited) {
  const navigate = useNavigate()
  const before = useMemo(() => JSON.stringify(now, null, 2), [now])
  const [text, setText] = useState(before)
  const [title, setTitle] = useState('')
  const [reason, setReason] = useState('')
  const why = useWhyNot('editor')
  const [asked] = useDebouncedValue(text, 500)
  const read1 = useMemo<{ value?: unknown; error?: string }>(() => {
    try { return { value: JSON.parse(text) } } catch (err) { return { error: err instanceof Error ? err.message : String(err) } }
  }, [text])
  const changed = text !== before && !read1.error
  const plan = useQuery({
    queryKey: ['/config', 'plan', object, asked], enabled: changed && asked === text, retry: false, gcTime: 0,
    queryFn: () => write('put', '/config', { params: { query: { dryRun: true, merge: true } }, body: document(JSON.parse(asked)) }),
  })
  const body = plan.data?.body as Schemas['ConfigResult'] | undefined
  const draft = () => ({ title: title.trim(), changes: [change(read1.value)] })
  const make = useWrite(() => write('post', '/drafts', { body: draft() }, { reason }), ['/drafts'])
  const missing = read1.error ? 'It is not JSON yet.' : !changed ? 'Nothing is another yet.' : plan.error ? 'It could not be made: see what is wrong.' : body?.changes?.length === 0 ? 'It changes nothing.' : !title.trim() ? 'It wants a title.' : undefined
  return (
    <form onSubmit={(e) => { e.preventDefault(); if (!missing && !why) make.mutate(undefined, { onSuccess: (d) => void navigate({ to: '/changes/drafts/$id', params: { id: (d.body as { id: string }).id } }) }) }}>
      <div className={css.two}>
        <div>
          <Panel title="2  How it is to be" note={<span className="mono">{object}</span>} actions={changed && <Button size="compact-xs" variant="subtle" onClick={() => setText(before)}>As it was</Button>}>
            <Textarea aria-label={`${object} as JSON`} value={text} onChange={(e) => setText(e.currentTarget.value)} autosize minRows={12} maxRows={32} spellCheck={false} error={read1.error} styles={{ input: { fontFamily: 'var(--mono)', fontSize: 12.5 } }} />
          </Panel>
        </div>
        <div>
          <Panel title="What that does">
            <div aria-live="polite">
              {!changed ? <Text size="sm" c="dimmed">Change something, and what differs and whose answers change is worked out before anything is saved.</Text> : plan.error ? <ErrorBox error={plan.error} /> : !body ? <Waiting height={70} /> : (
                <Stack gap="sm">
                  <Diff edits={body.changes ?? []} none="It changes nothing." />
                  <Effects list={body.effects} edits={body.changes ?? []} />
                  {body.warnings.length > 0 && <Alert color="yellow" variant="light" title="To be noticed"><List size="sm">{body.warnings.map((w) => <List.Item key={w}>{w}</List.Item>)}</List></Alert>}
                </Stack>
              )}
            </div>
          </Panel>
          <Panel title="3  Put it up">
            <Stack gap="sm">
              <TextInput label="Title" description="What it is about, on one line" placeholder="more weight for Frankfurt" value={title} onChange={(e) => setTitle(e.currentTarget.value)} required maxLength={200} />
              <ReasonInput value={reason} onChange={setReason} />
              <ErrorBox error={make.error} />
              <Group justify="flex-end">{!missing && <CopyAs curl={{ method: 'POST', path: '/drafts', body: draft(), reason }} cli={`draft create --title ${shell(title.trim())} -f - <<< ${shell(JSON.stringify(document(read1.value)))}`} json={document(read1.value)} />}<Guarded why={why ?? missing}><Button type="submit" loading={make.isPending} disabled={!!why || !!missing}>Create the draft</Button></Guarded></Group>
            </Stack>
          </Panel>
        </div>
      </div>
    </form>
  )
}

