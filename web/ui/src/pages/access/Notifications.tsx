import { Alert, Button, Group, MultiSelect, Select, Stack, Text, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useMemo, useState } from 'react'

import { type Schemas, read, write } from '../../api/client'
import { useWhyNot } from '../../api/guard'
import { get, useWrite } from '../../api/queries'
import { ConfirmAction } from '../../shared/ConfirmAction'
import { Guarded } from '../../shared/Guarded'
import { because, CopyAs, shell } from '../../shared/CopyAs'
import { type Column, DataTable } from '../../shared/DataTable'
import { EmptyState } from '../../shared/EmptyState'
import { ErrorBox } from '../../shared/ErrorBox'
import { Loaded } from '../../shared/Page'
import { Panel } from '../../shared/Panel'
import { type State, StatusBadge } from '../../shared/Status'
import { Time } from '../../shared/Time'
import { FormButton } from './Form'

type Receiver = Schemas['Receiver']
type Status = Schemas['ReceiverStatus']
type Delivery = Schemas['Delivery']
const kinds = ['webhook', 'slack', 'pagerduty', 'alertmanager'] as const
const touches = ['/notifications', '/revisions'] as const
const small = { size: 'compact-xs' } as const
const how: Record<Delivery['status'], [State, string]> = { delivered: ['up', 'delivered'], retrying: ['degraded', 'tried again'], failed: ['down', 'given up'] }

export default function Notifications() {
  const list = useQuery({ ...get('/notifications'), refetchInterval: 10_000 })
  const deliveries = useQuery({ ...get('/notifications/deliveries'), refetchInterval: 10_000 })
  const columns = useMemo<Column<Status>[]>(() => [
    { key: 'name', title: 'Receiver', width: 'minmax(130px, 1fr)', sort: (r) => r.name, cell: (r) => <b className="mono">{r.name}</b> },
    { key: 'kind', title: 'Kind', width: '120px', sort: (r) => r.kind, cell: (r) => r.kind },
    { key: 'state', title: 'State', width: '110px', cell: (r) => <StatusBadge state={r.failing ? 'down' : r.lastSuccess ? 'up' : 'unknown'} word={r.failing ? 'failing' : r.lastSuccess ? 'reached' : 'not used yet'} /> },
    { key: 'told', title: 'Last told', width: '128px', sort: (r) => r.lastSuccess ?? '', cell: (r) => <Time at={r.lastSuccess} /> },
    { key: 'why', title: 'Why it fails', long: true, width: 'minmax(140px, 2fr)', cell: (r) => r.failing && <Text span size="xs" c="dimmed" title={r.failing}>{r.failing}</Text> },
    { key: 'act', title: '', width: '220px', align: 'right', cell: (r) => <Group gap={6} justify="flex-end" wrap="nowrap"><Test name={r.name} /><Edit name={r.name} /><Remove name={r.name} /></Group> },
  ], [])
  return (
    <Stack gap="md">
      <Loaded of={list}>
        {({ body }) => body.items.length === 0
          ? <EmptyState title="Nobody is told" command="meridian apply -f meridian.yaml" action={<Edit />}>Receivers are told of verdicts, controls, safety rules and leaders: a webhook, Slack, PagerDuty or Alertmanager, each by what it asks for. They are <span className="mono">notifications</span> in the document.</EmptyState>
          : <DataTable label="Receivers" rows={body.items} columns={columns} id={(r) => r.name} sortBy={{ key: 'name' }} tools={<><Edit /><CopyAs curl={{ path: '/notifications' }} cli="notify list" json={body} /></>} />}
      </Loaded>
      <Panel title="Deliveries" note="the last 500 of the node that leads, newest first"><Loaded of={deliveries}>{({ body }) => <Deliveries items={body.items} />}</Loaded></Panel>
    </Stack>
  )
}

function Deliveries({ items }: { items: Delivery[] }) {
  const columns = useMemo<Column<Delivery>[]>(() => [
    { key: 'text', title: 'What', width: 'minmax(200px, 2.4fr)', text: (d) => d.text, cell: (d) => <span title={d.text}>{d.text}</span> },
    { key: 'receiver', title: 'To', width: 'minmax(100px, 0.8fr)', sort: (d) => d.receiver, text: (d) => d.receiver, cell: (d) => <span className="mono">{d.receiver}{d.test ? ' (test)' : ''}</span> },
    { key: 'status', title: 'State', width: '118px', sort: (d) => d.status, text: (d) => d.status, cell: (d) => <StatusBadge state={how[d.status][0]} word={how[d.status][1]} /> },
    { key: 'attempts', title: 'Attempts', width: '84px', align: 'right', sort: (d) => d.attempts, cell: (d) => <span className="num">{d.attempts}</span> },
    { key: 'at', title: 'Last', width: '128px', sort: (d) => d.at, cell: (d) => <Time at={d.at} /> },
    { key: 'error', title: 'It said', long: true, width: 'minmax(120px, 1.4fr)', text: (d) => d.error ?? '', cell: (d) => (d.error || d.code) && <Text span size="xs" c="dimmed" title={d.error}>{[d.code && `HTTP ${d.code}`, d.error].filter(Boolean).join(' ')}</Text> },
  ], [])
  if (items.length === 0) return <Text size="sm" c="dimmed">Nothing was to be delivered since this node began to lead.</Text>
  return <DataTable label="Deliveries" rows={items} columns={columns} id={(d) => `${d.id} ${d.receiver} ${d.at}`} height="420px" />
}

function Test({ name }: { name: string }) {
  const whyNot = useWhyNot('operator')
  const test = useWrite(() => write('post', '/notifications/{name}/test', { params: { path: { name } } } as never), ['/notifications'])
  const d = test.data?.body as Delivery | undefined
  return (
    <Guarded why={whyNot ?? (d ? `${how[d.status][1]}${d.error ? `: ${d.error}` : ''}` : test.error?.message)}>
      <Button size="compact-xs" variant="default" color={d?.status === 'delivered' ? 'green' : undefined} loading={test.isPending} aria-disabled={!!whyNot} data-disabled={whyNot ? true : undefined}
        onClick={() => { if (!whyNot) test.mutate(undefined) }}>{d ? (d.status === 'delivered' ? 'Arrived' : 'Failed') : test.error ? 'Refused' : 'Test'}</Button>
    </Guarded>
  )
}

type Draft = { name: string; kind: (typeof kinds)[number]; url: string; secret: string | null; severities: string[]; events: string[] }
const read1 = (r: Receiver): Draft => {
  const kind = kinds.find((k) => r[k]) ?? 'webhook'
  const secret = r.webhook?.secret ?? r.slack?.url ?? r.pagerduty?.routingKey ?? r.alertmanager?.authorization
  return { name: r.name, kind, url: r.webhook?.url ?? r.alertmanager?.url ?? r.pagerduty?.url ?? '', secret: secret?.secret ?? null, severities: r.route?.severities ?? [], events: r.route?.events ?? [] }
}

/** The receiver that a form describes. What the form does not know of stays as it was. */
export function receiver(d: Draft, was?: Receiver): Receiver {
  const secret = d.secret ? { secret: d.secret } : undefined
  const url = d.url || undefined
  const of = { webhook: { url, secret }, slack: { url: secret }, pagerduty: { routingKey: secret, url }, alertmanager: { url, authorization: secret } }[d.kind]
  const route = { ...was?.route, severities: d.severities.length ? d.severities : undefined, events: d.events.length ? d.events : undefined }
  return JSON.parse(JSON.stringify({ name: d.name, [d.kind]: of, ...(Object.values(route).some((v) => v !== undefined) ? { route } : {}) })) as Receiver
}

const blank: Draft = { name: '', kind: 'webhook', url: '', secret: null, severities: ['critical', 'warning'], events: [] }

function Edit({ name }: { name?: string }) {
  const [d, setD] = useState<Draft>(blank)
  const [was, setWas] = useState<{ body: Receiver; etag?: string }>()
  const [error, setError] = useState<unknown>()
  const secrets = (useQuery({ ...get('/secrets'), retry: false }).data?.body.items ?? []).map((s) => s.name)
  const set = (p: Partial<Draft>) => setD({ ...d, ...p })
  const save = useWrite((reason: string) => write('put', '/notifications/{name}', { params: { path: { name: d.name } }, body: receiver(d, was?.body) } as never, { etag: name ? was?.etag : '"0"', reason }), touches)
  const load = () => {
    setError(undefined)
    if (!name) setD(blank)
    else void read('/notifications/{name}', { params: { path: { name } } }).then((r) => { setWas(r); setD(read1(r.body)) }, setError)
  }
  const needsSecret = d.kind === 'slack' || d.kind === 'pagerduty'
  const missing = !d.name || (needsSecret ? !d.secret : !d.url) || (!!name && !was)
  const secretLabel = { webhook: 'Key of the signature', slack: 'URL of the incoming webhook', pagerduty: 'Integration key', alertmanager: 'Authorization header' }[d.kind]
  return (
    <FormButton label={name ? 'Edit' : 'New receiver'} title={name ? <>Edit <span className="mono">{name}</span></> : 'New receiver'} needs="editor" button={name ? small : { variant: 'filled' }} missing={missing} save={(reason) => save.mutateAsync(reason)} onOpen={load}>
      <ErrorBox error={error} />
      <Group grow align="flex-start">
        <TextInput label="Name" value={d.name} disabled={!!name} onChange={(e) => set({ name: e.currentTarget.value.trim() })} required spellCheck={false} />
        <Select label="Kind" data={[...kinds]} value={d.kind} onChange={(k) => set({ kind: k as Draft['kind'], url: '', secret: null })} allowDeselect={false} />
      </Group>
      {d.kind !== 'slack' && <TextInput label="URL" placeholder={d.kind === 'pagerduty' ? 'https://events.pagerduty.com/v2/enqueue' : 'https://alerts.example.com/meridian'} value={d.url} onChange={(e) => set({ url: e.currentTarget.value })} required={d.kind !== 'pagerduty'} spellCheck={false} />}
      <Select label={secretLabel} description="A credential, by its name; it is put with meridian secret put." data={secrets} value={d.secret} onChange={(s) => set({ secret: s })} clearable required={needsSecret} nothingFoundMessage="No credentials" inputWrapperOrder={['label', 'input', 'description']} clearButtonProps={{ 'aria-label': 'None' }} />
      <Group grow align="flex-start">
        <MultiSelect label="Severities" placeholder={d.severities.length ? '' : 'all'} data={['info', 'warning', 'critical']} value={d.severities} onChange={(severities) => set({ severities })} />
        <MultiSelect label="Of what" placeholder={d.events.length ? '' : 'all'} data={['endpoint', 'pool', 'region', 'service', 'control', 'safety', 'member', 'leader', 'config', 'drill']} value={d.events} onChange={(events) => set({ events })} />
      </Group>
      {was?.body.route?.regions || was?.body.route?.services ? <Alert variant="light" color="gray" p="xs"><Text size="sm">It asks for some regions or services only; that stays.</Text></Alert> : null}
    </FormButton>
  )
}

function Remove({ name }: { name: string }) {
  const [etag, setEtag] = useState<string>()
  const remove = useWrite((reason: string) => write('delete', '/notifications/{name}', { params: { path: { name } } } as never, { etag, reason }), touches)
  return (
    <ConfirmAction label="Delete" title={`Delete the receiver ${name}?`} does={(why) => ({ curl: { method: 'DELETE', path: `/notifications/${name}`, reason: why }, cli: `delete ${shell(`notification/${name}`)}${because(why)}` })} needs="editor" button={small} run={(reason) => remove.mutateAsync(reason)}
      onOpen={() => void read('/notifications/{name}', { params: { path: { name } } }).then((r) => setEtag(r.etag), () => undefined)}>
      <Text size="sm">{name} is told nothing any more. Messages to it that wait to be tried again are dropped.</Text>
    </ConfirmAction>
  )
}
