import { ActionIcon, Button, Group, Select, Stack, TagsInput, Text, TextInput } from '@mantine/core'
import IconTrash from '@tabler/icons-react/dist/esm/icons/IconTrash.mjs'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'

import { type Schemas, write } from '../../api/client'
import { problemOf } from '../../api/problem'
import { get, useWrite } from '../../api/queries'
import { ConfirmAction } from '../../shared/ConfirmAction'
import { because, CopyAs } from '../../shared/CopyAs'
import { EmptyState } from '../../shared/EmptyState'
import { ErrorBox } from '../../shared/ErrorBox'
import { Loaded } from '../../shared/Page'
import { Panel } from '../../shared/Panel'
import { FormButton, roles } from './Form'

type OIDC = Schemas['OIDC']
const touches = ['/access/oidc', '/session'] as const

export default function SignOn() {
  const oidc = useQuery({ ...get('/access/oidc'), retry: false })
  const none = oidc.error && problemOf(oidc.error).status === 404
  const remove = useWrite((reason: string) => write('delete', '/access/oidc', {} as never, { etag: oidc.data?.etag, reason }), touches)
  if (none) { // what was there before it was ended is still in the query
    return (
      <EmptyState title="No single sign-on" command="meridian oidc set -f oidc.yaml" action={<Edit />}>
        People log in with an OpenID Connect provider, and groups or e-mail addresses say which role they get. Users with passwords stay as they are.
      </EmptyState>
    )
  }
  return (
    <Loaded of={oidc}>
      {({ body, etag }) => (
        <Panel title="OpenID Connect" actions={(
          <Group gap="xs">
            <Edit of={body} etag={etag} />
            <ConfirmAction label="End" title={`End the log-in with ${body.issuer}?`} does={(why) => ({ curl: { method: 'DELETE', path: '/access/oidc', reason: why }, cli: `oidc delete${because(why)}` })} needs="admin" run={(reason) => remove.mutateAsync(reason)}>
              <Text size="sm">Sessions that were begun with the provider end on every node, and nobody can begin another. Users and tokens of Meridian stay.</Text>
            </ConfirmAction>
            <CopyAs curl={{ path: '/access/oidc' }} cli="oidc show" json={body} />
          </Group>
        )}>
          <dl className="facts">
            {[['Issuer', body.issuer], ['Client', body.clientID], ['Client secret', body.clientSecret ? `the credential ${body.clientSecret.secret}` : 'none'], ['Sent back to', body.redirectURL], ['Scopes', body.scopes?.join(' ') ?? 'openid email profile'],
              ['Groups in', body.groupsClaim ?? 'groups'], ['Domains', body.domains?.join(', ') ?? 'all']].map(([k, v]) => <div key={k}><dt>{k}</dt><dd>{v}</dd></div>)}
          </dl>
          <Text size="xs" fw={600} c="dimmed" mt="md" mb={4}>Who gets which role: the first that fits</Text>
          <ol style={{ margin: 0, paddingLeft: 22, fontSize: 13 }}>
            {body.roles.map((r, i) => <li key={i}>{r.group !== undefined ? 'group' : 'e-mail'} <b className="mono">{r.group ?? r.email}</b>: {r.role}{r.limits ? `, for ${r.limits.join(', ')}` : ''}</li>)}
          </ol>
        </Panel>
      )}
    </Loaded>
  )
}

const empty = (): OIDC => ({ issuer: '', clientID: '', redirectURL: `${location.origin}/api/v1/auth/oidc/callback`, roles: [{ group: '', role: 'viewer' }] })

function Edit({ of, etag }: { of?: OIDC; etag?: string }) {
  const [v, setV] = useState<OIDC>(of ?? empty())
  const set = (p: Partial<OIDC>) => setV({ ...v, ...p })
  const secrets = useQuery({ ...get('/secrets'), retry: false })
  const names = (secrets.data?.body.items ?? []).map((s) => s.name)
  const row = (i: number, p: Partial<OIDC['roles'][number]>) => set({ roles: v.roles.map((r, j) => (i === j ? { ...r, ...p } : r)) })
  const save = useWrite((reason: string) => write('put', '/access/oidc', { body: v } as never, { etag, reason }), touches)
  const missing = !v.issuer || !v.clientID || !v.redirectURL || v.roles.length === 0 || v.roles.some((r) => !(r.group ?? r.email))
  return (
    <FormButton label={of ? 'Edit' : 'Set up'} title="Log in with OpenID Connect" button={of ? undefined : { variant: 'filled' }} missing={missing} save={(reason) => save.mutateAsync(reason)} onOpen={() => setV(of ?? empty())}>
      <TextInput label="Issuer" placeholder="https://login.example.com" value={v.issuer} onChange={(e) => set({ issuer: e.currentTarget.value })} required spellCheck={false} data-autofocus />
      <Group grow align="flex-start">
        <TextInput label="Client id" value={v.clientID} onChange={(e) => set({ clientID: e.currentTarget.value })} required spellCheck={false} />
        <Select label="Client secret" description="a credential, by its name (meridian secret put)" data={names} value={v.clientSecret?.secret ?? null} onChange={(s) => set({ clientSecret: s ? { secret: s } : undefined })} clearable inputWrapperOrder={['label', 'input', 'description']} clearButtonProps={{ 'aria-label': 'No secret' }} />
      </Group>
      <ErrorBox error={secrets.error} title="Credentials cannot be listed" />
      <TextInput label="Sent back to" value={v.redirectURL} onChange={(e) => set({ redirectURL: e.currentTarget.value })} required spellCheck={false} />
      <Group grow align="flex-start">
        <TextInput label="Groups are in the claim" placeholder="groups" value={v.groupsClaim ?? ''} onChange={(e) => set({ groupsClaim: e.currentTarget.value || undefined })} spellCheck={false} />
        <TagsInput label="Domains that may log in" placeholder={v.domains?.length ? '' : 'all'} value={v.domains ?? []} onChange={(d) => set({ domains: d.length ? d : undefined })} />
      </Group>
      <Stack gap={6}>
        <Text size="sm" fw={500}>Who gets which role: the first that fits</Text>
        {v.roles.map((r, i) => (
          <Group key={i} gap="xs">
            <Select aria-label={`By what, ${i + 1}`} data={['group', 'e-mail']} value={r.email !== undefined ? 'e-mail' : 'group'} allowDeselect={false} w={100} onChange={(k) => row(i, k === 'group' ? { group: r.email ?? '', email: undefined } : { email: r.group ?? '', group: undefined })} />
            <TextInput aria-label={`Which, ${i + 1}`} value={r.email ?? r.group ?? ''} onChange={(e) => row(i, r.email !== undefined ? { email: e.currentTarget.value } : { group: e.currentTarget.value })} style={{ flex: '1 1 150px' }} spellCheck={false} />
            <Select aria-label={`Role, ${i + 1}`} data={[...roles]} value={r.role} allowDeselect={false} w={110} onChange={(role) => row(i, { role: role as OIDC['roles'][number]['role'] })} />
            <ActionIcon variant="subtle" color="gray" aria-label={`Remove line ${i + 1}`} disabled={v.roles.length === 1} onClick={() => set({ roles: v.roles.filter((_, j) => j !== i) })}><IconTrash size={16} /></ActionIcon>
          </Group>
        ))}
        <Group><Button size="compact-sm" variant="default" onClick={() => set({ roles: [...v.roles, { group: '', role: 'viewer' }] })}>Another</Button></Group>
      </Stack>
      {of && <Text size="xs" c="dimmed">Sessions that were begun with the provider end, for they have the roles of the mapping that was.</Text>}
    </FormButton>
  )
}
