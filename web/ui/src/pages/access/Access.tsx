import { Button, Skeleton, Tabs } from '@mantine/core'
import { getRouteApi } from '@tanstack/react-router'
import { Suspense, lazy, useEffect, useRef } from 'react'

import { useSession } from '../../api/guard'
import { Page } from '../../shared/Page'
import { Time } from '../../shared/Time'
import type { Tab } from './route'

const route = getRouteApi('/app/access')

const parts: Record<Tab, { label: string; of: React.LazyExoticComponent<React.ComponentType> }> = {
  users: { label: 'Users', of: lazy(() => import('./Users')) },
  tokens: { label: 'Tokens', of: lazy(() => import('./Tokens')) },
  roles: { label: 'Roles', of: lazy(() => import('./Roles')) },
  'sign-on': { label: 'Single sign-on', of: lazy(() => import('./SignOn')) },
  notifications: { label: 'Notifications', of: lazy(() => import('./Notifications')) },
  geo: { label: 'Geographic data', of: lazy(() => import('./Geo')) },
}

export default function Access() {
  const { tab = 'users' } = route.useSearch()
  const navigate = route.useNavigate()
  const me = useSession().data?.body
  const Part = parts[tab].of
  const list = useRef<HTMLDivElement>(null)
  useEffect(() => void list.current?.querySelector('[data-active]')?.scrollIntoView({ inline: 'center', block: 'nearest' }), [tab]) // it gives a promise in newer browsers; on a phone they are wider than the page
  return (
    <Page title="Access" lead={me && <>You are <b className="mono">{me.actor}</b> with the role {me.role}{me.scopes?.length ? `, for ${me.scopes.join(', ')}` : ''}{me.expiresAt && <>; the session ends <Time at={me.expiresAt} /></>}</>}
      actions={<Button component="a" href="/api/v1/docs" target="_blank" rel="noreferrer" size="compact-sm" variant="default">API reference</Button>}>
      <Tabs value={tab} onChange={(t) => void navigate({ search: { tab: t as Tab } })} keepMounted={false}>
        <Tabs.List ref={list} mb="md" className="tabs" style={{ flexWrap: 'nowrap', overflowX: 'auto', overflowY: 'hidden' }}>
          {(Object.keys(parts) as Tab[]).map((t) => <Tabs.Tab key={t} value={t} className="tab">{parts[t].label}</Tabs.Tab>)}
        </Tabs.List>
        <Tabs.Panel value={tab}><Suspense fallback={<Skeleton height={160} />}><Part /></Suspense></Tabs.Panel>
      </Tabs>
    </Page>
  )
}
