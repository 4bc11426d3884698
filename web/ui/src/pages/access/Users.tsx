import { Group, PasswordInput, Stack, Switch, Text, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useMemo, useState } from 'react'

import { type Schemas, write } from '../../api/client'
import { get, useWrite } from '../../api/queries'
import { ConfirmAction } from '../../shared/ConfirmAction'
import { because, CopyAs, shell } from '../../shared/CopyAs'
import { type Column, DataTable } from '../../shared/DataTable'
import { EmptyState } from '../../shared/EmptyState'
import { Loaded } from '../../shared/Page'
import { StatusBadge } from '../../shared/Status'
import { Time } from '../../shared/Time'
import { FormButton, RoleFields } from './Form'

type User = Schemas['User']
const route = getRouteApi('/app/access')
const small = { size: 'compact-xs' } as const
const touches = ['/users', '/session'] as const

export default function Users() {
  const { q } = route.useSearch()
  const navigate = route.useNavigate()
  const users = useQuery({ ...get('/users'), retry: false })
  const columns = useMemo<Column<User>[]>(() => [
    { key: 'name', title: 'User', width: 'minmax(130px, 1fr)', sort: (u) => u.name, text: (u) => u.name, cell: (u) => <b className="mono">{u.name}</b> },
    { key: 'role', title: 'Role', width: '90px', sort: (u) => u.role, text: (u) => u.role, cell: (u) => u.role },
    { key: 'scopes', title: 'Limited to', long: true, width: 'minmax(120px, 1.2fr)', text: (u) => (u.scopes ?? []).join(' '), cell: (u) => u.scopes?.length ? <span className="mono" title={u.scopes.join('\n')}>{u.scopes.join(', ')}</span> : <Text span size="sm" c="dimmed">not limited</Text> },
    { key: 'state', title: 'State', width: '110px', sort: (u) => String(u.disabled), cell: (u) => <StatusBadge state={u.disabled ? 'drained' : 'up'} word={u.disabled ? 'disabled' : 'active'} /> },
    { key: 'sessions', title: 'Sessions', width: '84px', align: 'right', sort: (u) => u.sessions, cell: (u) => <span className="num">{u.sessions}</span> },
    { key: 'password', title: 'Password set', width: '128px', sort: (u) => u.passwordAt ?? '', cell: (u) => u.passwordAt && <Time at={u.passwordAt} /> },
    { key: 'act', title: '', width: '210px', align: 'right', cell: (u) => <Group gap={6} justify="flex-end" wrap="nowrap"><Change user={u} /><Password user={u} /><Remove user={u} /></Group> },
  ], [])
  return (
    <Loaded of={users}>
      {({ body }) => body.items.length === 0
        ? <EmptyState title="No users yet" command="meridian user add anna --role operator" action={<Make />}>Users log in here with a password. Machines, and the command line, use tokens; with single sign-on nobody needs to be made here.</EmptyState>
        : <DataTable label="Users" rows={body.items} columns={columns} id={(u) => u.name} sortBy={{ key: 'name' }} tools={<><Make /><CopyAs curl={{ path: '/users' }} cli="user list" json={body} /></>}
            filter={{ value: q ?? '', set: (v) => void navigate({ search: (old) => ({ ...old, q: v || undefined }), replace: true }), placeholder: 'User' }} />}
    </Loaded>
  )
}

function Make() {
  const [name, setName] = useState('')
  const [password, setPassword] = useState('')
  const [role, setRole] = useState<string>('viewer')
  const [scopes, setScopes] = useState<string[]>([])
  const make = useWrite((reason: string) => write('post', '/users', { body: { name, role, password, ...(scopes.length ? { scopes } : {}) } } as never, { reason }), touches)
  return (
    <FormButton label="New user" title="New user" button={{ variant: 'filled' }} action="Create" missing={!name.trim() || password.length < 12} save={(reason) => make.mutateAsync(reason)} onOpen={() => { setName(''); setPassword('') }}>
      <TextInput label="Name" description="Letters, digits, dots, dashes and underscores" value={name} onChange={(e) => setName(e.currentTarget.value)} required spellCheck={false} autoComplete="off" data-autofocus />
      <PasswordInput label="Password" description="12 characters at the least" value={password} onChange={(e) => setPassword(e.currentTarget.value)} required autoComplete="new-password" error={password && password.length < 12 ? `${12 - password.length} more` : undefined} />
      <RoleFields {...{ role, setRole, scopes, setScopes }} />
    </FormButton>
  )
}

function Change({ user }: { user: User }) {
  const [role, setRole] = useState<string>(user.role)
  const [scopes, setScopes] = useState<string[]>(user.scopes ?? [])
  const [disabled, setDisabled] = useState(user.disabled)
  const save = useWrite((reason: string) => write('patch', '/users/{name}', { params: { path: { name: user.name } }, body: { role, ...(scopes.length ? { scopes } : {}), disabled } } as never, { reason }), touches)
  return (
    <FormButton label="Edit" title={<>Edit <span className="mono">{user.name}</span></>} button={small} save={(reason) => save.mutateAsync(reason)} onOpen={() => { setRole(user.role); setScopes(user.scopes ?? []); setDisabled(user.disabled) }}>
      <RoleFields {...{ role, setRole, scopes, setScopes }} />
      <Switch label="May not log in" description={`It ends ${user.sessions} open session${user.sessions === 1 ? '' : 's'} on every node.`} checked={disabled} onChange={(e) => setDisabled(e.currentTarget.checked)} />
    </FormButton>
  )
}

function Password({ user }: { user: User }) {
  const [password, setPassword] = useState('')
  const save = useWrite((reason: string) => write('patch', '/users/{name}', { params: { path: { name: user.name } }, body: { password } } as never, { reason }), touches)
  return (
    <FormButton label="Password" title={<>A new password for <span className="mono">{user.name}</span></>} button={small} missing={password.length < 12} save={(reason) => save.mutateAsync(reason)} onOpen={() => setPassword('')}>
      <Stack gap="xs">
        <PasswordInput label="Password" description="12 characters at the least" value={password} onChange={(e) => setPassword(e.currentTarget.value)} autoComplete="new-password" required data-autofocus />
        <Text size="xs" c="dimmed">The user's open sessions end.</Text>
      </Stack>
    </FormButton>
  )
}

function Remove({ user }: { user: User }) {
  const remove = useWrite((reason: string) => write('delete', '/users/{name}', { params: { path: { name: user.name } } } as never, { reason }), touches)
  return (
    <ConfirmAction label="Remove" title={`Remove the user ${user.name}?`} does={(why) => ({ curl: { method: 'DELETE', path: `/users/${encodeURIComponent(user.name)}`, reason: why }, cli: `user remove ${shell(user.name)}${because(why)}` })} needs="admin" button={small} reason="optional" run={(reason) => remove.mutateAsync(reason)}>
      <Text size="sm">{user.name} ({user.role}) may not log in any more; {user.sessions === 0 ? 'no session is open' : `${user.sessions} open session${user.sessions === 1 ? ' ends' : 's end'} on every node`}. What {user.name} did stays in the audit.</Text>
    </ConfirmAction>
  )
}
