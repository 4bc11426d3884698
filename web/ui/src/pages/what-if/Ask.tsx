import { ActionIcon, Autocomplete, Button, Group, NumberInput, Pill, PillGroup, Select, Stack, Text } from '@mantine/core'
import IconPlus from '@tabler/icons-react/dist/esm/icons/IconPlus.mjs'
import { useQuery } from '@tanstack/react-query'
import { useMemo, useState } from 'react'

import { serviceName } from '../../api/names'
import { get } from '../../api/queries'
import { ClientSelect } from '../../shared/ClientSelect'
import { offer } from '../../shared/offer'
import { Panel } from '../../shared/Panel'
import { type Verb, assumptionText, targets, verbText, verbs, writeAssumption } from './assume'
import type { Question } from './route'

const types = ['A', 'AAAA', 'CNAME', 'HTTPS', 'SVCB', 'MX', 'TXT', 'NS', 'SOA', 'CAA', 'SRV']

/** Asks who asks for what, and what is to be taken as given. */
export function Ask({ asked, set }: { asked: Question & { name: string; client: string }; set: (q: Partial<Question>) => void }) {
  const services = useQuery(get('/services'))
  const drafts = useQuery(get('/drafts')).data?.body.items.filter((d) => d.state === 'open') ?? []
  const names = useMemo(() => [...new Set((services.data?.body.items ?? []).flatMap((s) => [serviceName(s), ...(s.names ?? [])]))].filter((n) => n && !n.startsWith('*')), [services.data])
  const [text, setText] = useState(asked.name)
  const [was, setWas] = useState(asked.name)
  if (was !== asked.name) { setWas(asked.name); setText(asked.name) }
  const take = (t: string) => { if (t.trim() && t.trim() !== asked.name) set({ name: t.trim() }) }
  return (
    <Panel title="Ask">
      <Stack gap="sm">
        <Group gap="sm" align="flex-end" wrap="wrap">
          <Autocomplete label="Name" data={names} limit={50} value={text} onChange={setText} onOptionSubmit={take} onBlur={() => take(text)} size="sm" style={{ flex: '1 1 220px' }}
            onKeyDown={(e) => { if (e.key === 'Enter') take(text) }} spellCheck={false} placeholder="www.example.com" />
          <Select label="Type" data={types.includes(asked.type ?? 'A') ? types : [asked.type!, ...types]} value={asked.type ?? 'A'} onChange={(v) => set({ type: v === 'A' ? undefined : v ?? undefined })} w={92} size="sm" allowDeselect={false} />
          <ClientSelect value={asked.client} set={(client) => set({ client })} label="Client" />
          <Select label="With a draft" placeholder={drafts.length > 0 ? 'none' : 'no open draft'} disabled={drafts.length === 0} clearable size="sm" w={220} value={asked.draft ?? null}
            data={drafts.map((d) => ({ value: d.id, label: `${d.id} ${d.title}` }))} onChange={(v) => set({ draft: v ?? undefined })} clearButtonProps={{ 'aria-label': 'Without a draft' }} />
        </Group>
        <Assume list={asked.assume ?? []} set={(assume) => set({ assume: assume.length > 0 ? assume : undefined })} />
      </Stack>
    </Panel>
  )
}

function Assume({ list, set }: { list: string[]; set: (l: string[]) => void }) {
  const regions = useQuery(get('/regions')).data?.body.items
  const providers = useQuery(get('/providers')).data?.body.items
  const pools = useQuery(get('/pools')).data?.body.items
  const groups = useMemo(() => targets(regions ?? [], providers ?? [], pools ?? []), [regions, providers, pools])
  const [target, setTarget] = useState<string | null>(null)
  const [typed, setTyped] = useState('')
  const offered = useMemo(() => offer(groups, typed, target ? [target] : []), [groups, typed, target])
  const [verb, setVerb] = useState<Verb>('down')
  const [percent, setPercent] = useState(50)
  const add = () => {
    if (!target) return
    const next = writeAssumption({ verb, target, percent })
    if (!list.includes(next) && list.length < 32) set([...list, next])
    setTarget(null)
  }
  return (
    <>
      <Group gap="xs" align="flex-end">
        <Select label="Assume that" placeholder="a region, provider, pool or endpoint" data={offered} value={target} onChange={setTarget} searchable searchValue={typed} onSearchChange={setTyped} size="sm" style={{ flex: '1 1 240px', maxWidth: 340 }} nothingFoundMessage="Nothing is called that." />
        <Select aria-label="What of it" data={verbs.map((v) => ({ value: v, label: verbText[v] }))} value={verb} onChange={(v) => setVerb((v ?? 'down') as Verb)} allowDeselect={false} size="sm" w={150} />
        {verb === 'share' && <NumberInput aria-label="Percent" suffix=" %" min={0} max={100} value={percent} onChange={(v) => setPercent(Number(v) || 0)} size="sm" w={90} />}
        <Button size="sm" variant="default" leftSection={<IconPlus size={15} />} onClick={add} disabled={!target}>Assume</Button>
      </Group>
      {list.length > 0 ? (
        <Group gap="xs">
          <PillGroup>
            {list.map((a) => (
              <Pill key={a} withRemoveButton onRemove={() => set(list.filter((x) => x !== a))} removeButtonProps={{ 'aria-label': `No longer assume that ${assumptionText(a)}`, 'aria-hidden': false, tabIndex: 0 }} size="md" className="assumption">{assumptionText(a)}</Pill>
            ))}
          </PillGroup>
          <ActionIcon.Group><Button size="compact-xs" variant="subtle" onClick={() => set([])}>Clear</Button></ActionIcon.Group>
        </Group>
      ) : <Text size="xs" c="dimmed">Nothing is assumed: this is the answer now. Nothing here changes what is served.</Text>}
    </>
  )
}
