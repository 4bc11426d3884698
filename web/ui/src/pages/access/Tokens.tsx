import { Alert, Button, Code, CopyButton, Group, Modal, Select, Text, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useMemo, useState } from 'react'

import { type Schemas, write } from '../../api/client'
import { get, useWrite } from '../../api/queries'
import { ConfirmAction } from '../../shared/ConfirmAction'
import { because, CopyAs } from '../../shared/CopyAs'
import { type Column, DataTable } from '../../shared/DataTable'
import { EmptyState } from '../../shared/EmptyState'
import { Loaded } from '../../shared/Page'
import { StatusBadge } from '../../shared/Status'
import { Time } from '../../shared/Time'
import { FormButton, RoleFields } from './Form'

type Token = Schemas['Token']
const route = getRouteApi('/app/access')
const lives = [['24h', 'in a day'], ['168h', 'in a week'], ['2160h', 'in 90 days'], ['8760h', 'in a year'], ['', 'never']].map(([value, label]) => ({ value: value!, label: label! }))

export default function Tokens() {
  const { q } = route.useSearch()
  const navigate = route.useNavigate()
  const tokens = useQuery({ ...get('/tokens'), retry: false })
  const lasting = (tokens.data?.body.items ?? []).filter((t) => t.role === 'admin' && !t.expiresAt && !t.expired).length
  const columns = useMemo<Column<Token>[]>(() => [
    { key: 'name', title: 'For', width: 'minmax(150px, 1.3fr)', sort: (t) => t.name, text: (t) => `${t.name} ${t.id}`, cell: (t) => <b>{t.name}</b> },
    { key: 'id', title: 'Id', width: '110px', cell: (t) => <span className="mono">{t.id}</span> },
    { key: 'role', title: 'Role', width: '90px', sort: (t) => t.role, text: (t) => t.role, cell: (t) => t.role },
    { key: 'scopes', title: 'Limited to', long: true, width: 'minmax(120px, 1.2fr)', text: (t) => (t.scopes ?? []).join(' '), cell: (t) => t.scopes?.length ? <span className="mono" title={t.scopes.join('\n')}>{t.scopes.join(', ')}</span> : <Text span size="sm" c="dimmed">not limited</Text> },
    { key: 'made', title: 'Made', width: '130px', sort: (t) => t.createdAt ?? '', cell: (t) => t.createdAt ? <Time at={t.createdAt} /> : <Text span size="xs" c="dimmed">at the beginning</Text> },
    { key: 'expires', title: 'Expires', width: '130px', sort: (t) => t.expiresAt ?? 'z', cell: (t) => t.expired ? <StatusBadge state="unknown" word="expired" /> : <Time at={t.expiresAt} /> },
    { key: 'act', title: '', width: '92px', align: 'right', cell: (t) => <Revoke token={t} last={t.role === 'admin' && !t.expiresAt && !t.expired && lasting === 1} /> },
  ], [lasting])
  return (
    <Loaded of={tokens}>
      {({ body }) => body.items.length === 0
        ? <EmptyState title="No tokens" command="meridian token create ci --role editor" action={<Make />}>Tokens are for machines and the command line. Each has a role, and may be limited to zones, services, regions and pools.</EmptyState>
        : <DataTable label="Tokens" rows={body.items} columns={columns} id={(t) => t.id} sortBy={{ key: 'name' }} tools={<><Make /><CopyAs curl={{ path: '/tokens' }} cli="token list" json={body} /></>}
            filter={{ value: q ?? '', set: (v) => void navigate({ search: (old) => ({ ...old, q: v || undefined }), replace: true }), placeholder: 'Token' }} />}
    </Loaded>
  )
}

function Make() {
  const [name, setName] = useState('')
  const [role, setRole] = useState<string>('viewer')
  const [scopes, setScopes] = useState<string[]>([])
  const [life, setLife] = useState('2160h')
  const [made, setMade] = useState<Schemas['TokenMade']>()
  const make = useWrite(async (reason: string) => {
    const got = await write('post', '/tokens', { body: { name, role, ...(scopes.length ? { scopes } : {}), ...(life ? { expiresIn: life } : {}) } } as never, { reason })
    setMade(got.body as Schemas['TokenMade'])
  }, ['/tokens'])
  return (
    <>
      <FormButton label="New token" title="New token" button={{ variant: 'filled' }} action="Create" missing={!name.trim()} save={(reason) => make.mutateAsync(reason)} onOpen={() => setName('')}>
        <TextInput label="What it is for" placeholder="ci, terraform, grafana" value={name} onChange={(e) => setName(e.currentTarget.value)} required data-autofocus autoComplete="off" />
        <RoleFields {...{ role, setRole, scopes, setScopes }} />
        <Select label="It expires" data={lives} value={life} onChange={(v) => setLife(v ?? '')} allowDeselect={false} w={180} />
      </FormButton>
      <Modal opened={!!made} onClose={() => setMade(undefined)} title="The token, this once" centered closeOnClickOutside={false} closeOnEscape={false} closeButtonProps={{ 'aria-label': 'Close' }}>
        {made && (
          <>
            <Alert color="yellow" variant="light" mb="md">Keep it now: it is not shown again. Only a hash of it is stored.</Alert>
            <Code block className="command">{made.token}</Code>
            <Group justify="space-between" mt="md">
              <Text size="xs" c="dimmed">id <span className="mono">{made.id}</span>{made.expiresAt && <>, expires <Time at={made.expiresAt} /></>}</Text>
              <Group gap="xs"><CopyButton value={made.token}>{({ copied, copy }) => <Button size="compact-sm" onClick={copy}>{copied ? 'Copied' : 'Copy'}</Button>}</CopyButton><Button size="compact-sm" variant="default" onClick={() => setMade(undefined)}>I have it</Button></Group>
            </Group>
          </>
        )}
      </Modal>
    </>
  )
}

function Revoke({ token, last }: { token: Token; last: boolean }) {
  const revoke = useWrite((reason: string) => write('delete', '/tokens/{id}', { params: { path: { id: token.id } } } as never, { reason }), ['/tokens'])
  return (
    <ConfirmAction label="Revoke" title={`Revoke the token ${token.name}?`} does={(why) => ({ curl: { method: 'DELETE', path: `/tokens/${token.id}`, reason: why }, cli: `token revoke ${token.id}${because(why)}` })} needs="admin" button={{ size: 'compact-xs' }} reason="optional" run={(reason) => revoke.mutateAsync(reason)}
      refused={token.expired ? 'It has expired and is good no more.' : last ? 'It is the last admin token that does not expire; make another first.' : undefined}>
      <Text size="sm">Whatever uses <b>{token.name}</b> (<span className="mono">{token.id}</span>, {token.role}{token.scopes ? `, ${token.scopes.join(', ')}` : ''}) is refused on every node from now on, and sessions that were begun with it end.</Text>
    </ConfirmAction>
  )
}
