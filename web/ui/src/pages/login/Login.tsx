import { Button, Center, Divider, Group, Paper, PasswordInput, Stack, Tabs, Text, TextInput, Title } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { type FormEvent, useEffect, useState } from 'react'

import { write } from '../../api/client'
import mark from '../../app/favicon.svg'
import { ErrorBox } from '../../shared/ErrorBox'

const route = getRouteApi('/login')
const provider = '/api/v1/auth/oidc/login'

export default function Login() {
  const { next, error: told } = route.useSearch()
  const navigate = route.useNavigate()
  const qc = useQueryClient()
  const [error, setError] = useState<unknown>()
  const [busy, setBusy] = useState(false)
  const [user, setUser] = useState('')
  const [password, setPassword] = useState('')
  const [token, setToken] = useState('')
  useEffect(() => { document.title = 'Log in · Meridian' }, [])
  // A provider that is configured answers with a redirect, which is looked at and not followed.
  const oidc = useQuery({ queryKey: ['oidc'], retry: false, staleTime: 300_000, queryFn: async () => (await fetch(provider, { redirect: 'manual' })).type === 'opaqueredirect' })
  const enter = async (e: FormEvent, call: () => Promise<unknown>) => {
    e.preventDefault()
    setBusy(true)
    setError(undefined)
    try {
      await call()
      qc.clear()
      await navigate({ href: next ?? '/' })
    } catch (err) {
      setError(err)
    } finally {
      setBusy(false)
    }
  }
  return (
    <Center mih="100dvh" p="md" component="main">
      <Paper withBorder p="xl" w={400} maw="100%" className="panel">
        <Stack gap="md">
          <Group gap="sm"><img src={mark} width={30} height={30} alt="" /><Title order={1} size="h3">Meridian</Title></Group>
          <Tabs defaultValue="password" keepMounted={false} onChange={() => setError(undefined)}>
            <Tabs.List grow mb="md"><Tabs.Tab value="password">Password</Tabs.Tab><Tabs.Tab value="token">Token</Tabs.Tab></Tabs.List>
            <Tabs.Panel value="password">
              <form onSubmit={(e) => void enter(e, () => write('post', '/session', { body: { user, password } }))}>
                <Stack gap="sm">
                  <TextInput label="User" name="user" autoComplete="username" value={user} onChange={(e) => setUser(e.currentTarget.value)} required autoFocus spellCheck={false} autoCapitalize="none" />
                  <PasswordInput label="Password" name="password" autoComplete="current-password" value={password} onChange={(e) => setPassword(e.currentTarget.value)} required />
                  <Button type="submit" loading={busy}>Log in</Button>
                </Stack>
              </form>
            </Tabs.Panel>
            <Tabs.Panel value="token">
              <form onSubmit={(e) => void enter(e, () => write('post', '/session/token', { body: { token: token.trim() } }))}>
                <Stack gap="sm">
                  <PasswordInput label="API token" name="token" autoComplete="off" value={token} onChange={(e) => setToken(e.currentTarget.value)} required
                    description="The first admin token is in dataDir/admin.token of the node that began the cluster; meridian demo prints it." />
                  <Button type="submit" loading={busy}>Log in</Button>
                </Stack>
              </form>
            </Tabs.Panel>
          </Tabs>
          {oidc.data && <><Divider label="or" /><Button component="a" href={provider} variant="default">Log in with single sign-on</Button></>}
          <ErrorBox error={error ?? (told ? new Error(told) : undefined)} title="Not logged in" />
          <Text size="xs" c="dimmed">After five log-ins that fail, one account may try once a minute.</Text>
        </Stack>
      </Paper>
    </Center>
  )
}
