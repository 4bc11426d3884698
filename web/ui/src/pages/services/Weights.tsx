import { ActionIcon, Alert, Button, Group, List, Modal, NumberInput, Skeleton, Slider, Stack, Table, Text, Tooltip } from '@mantine/core'
import { useDebouncedValue, useDisclosure } from '@mantine/hooks'
import IconAdjustments from '@tabler/icons-react/dist/esm/icons/IconAdjustmentsHorizontal.mjs'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'

import { type Got, type Schemas, read, write } from '../../api/client'
import { useWhyNot } from '../../api/guard'
import { useWrite } from '../../api/queries'
import { Guarded } from '../../shared/Guarded'
import { EffectTable } from '../../shared/Effect'
import { ErrorBox } from '../../shared/ErrorBox'
import { ReasonInput } from '../../shared/ReasonInput'
import { percent } from '../../shared/Share'
import type { SteerNode } from '../../shared/steering'

interface Subject {
  title: string
  name: string // of the object, as warnings have it
  load: () => Promise<Got<unknown>> // the object as it is now, with its ETag
  names: (object: never) => { name: string; weight: number }[]
  change: (object: never, weights: number[]) => unknown
  document: (object: unknown) => Schemas['Config'] // with the changed object in it, for the plan
  save: (object: unknown, etag: string | undefined, reason: string) => Promise<unknown>
}

type Json = Record<string, unknown>
const copy = <T,>(v: T): T => JSON.parse(JSON.stringify(v)) as T

/** The branch of a service's tree at a way. */
function under(service: Json, at: SteerNode['at']): Json {
  return at.reduce<unknown>((v, k) => (v as Json)[k as string], service.steer) as Json
}

/** What can be weighed at a node of a service: the branches of weighted, or the endpoints of a pool. Templates are not one service's to change. */
export function weighable(service: string, node: SteerNode, siblings: number): Subject | undefined {
  if (node.kind === 'weighted' && !node.template && node.path && siblings > 1) {
    return {
      title: `Weights of ${service}`, name: service,
      load: () => read('/services/{name}', { params: { path: { name: service } } }),
      names: (s) => (under(s, node.at).weighted as { weight?: number; pool?: string }[]).map((b, i) => ({ name: node.children[i]?.pool ?? node.children[i]?.path ?? '', weight: b.weight ?? 1 })),
      change: (s, weights) => { const next = copy(s as Json); (under(next, node.at).weighted as { weight?: number }[]).forEach((b, i) => { b.weight = weights[i] }); return next },
      document: (s) => ({ services: [s as Schemas['Service']] }),
      save: (body, etag, reason) => write('put', '/services/{name}', { params: { path: { name: service } }, body } as never, { etag, reason }),
    }
  }
  if (node.pool && siblings > 1) {
    const name = node.pool
    return {
      title: `Weights of the endpoints of ${name}`, name,
      load: () => read('/pools/{name}', { params: { path: { name } } }),
      names: (p) => (p as Schemas['Pool']).endpoints.map((e) => ({ name: e.name, weight: e.weight ?? 1 })),
      change: (p, weights) => { const next = copy(p as Schemas['Pool']); next.endpoints.forEach((e, i) => { e.weight = weights[i] }); return next },
      document: (p) => ({ pools: [p as Schemas['Pool']] }),
      save: (body, etag, reason) => write('put', '/pools/{name}', { params: { path: { name } }, body } as never, { etag, reason }),
    }
  }
  return undefined
}

/** Edits weights, and says before anything is saved whose answers they change. */
export function WeightsButton({ subject }: { subject: Subject }) {
  const [opened, { open, close }] = useDisclosure(false)
  const why = useWhyNot('editor')
  return (
    <>
      <Tooltip label={why ?? 'Edit weights'} withinPortal multiline maw={300}>
        <ActionIcon variant="subtle" color="gray" size="xs" aria-label={`Edit: ${subject.title}`} aria-disabled={!!why} onClick={() => { if (!why) open() }}><IconAdjustments size={14} /></ActionIcon>
      </Tooltip>
      <Modal opened={opened} onClose={close} title={subject.title} size="xl" closeButtonProps={{ 'aria-label': 'Close' }}>
        {opened && <Editor subject={subject} close={close} />}
      </Modal>
    </>
  )
}

function Editor({ subject, close }: { subject: Subject; close: () => void }) {
  const now = useQuery({ queryKey: ['weights', subject.title], queryFn: subject.load, gcTime: 0, staleTime: Infinity })
  if (now.error) return <ErrorBox error={now.error} retry={() => void now.refetch()} />
  if (!now.data) return <Skeleton height={160} />
  return <Form subject={subject} now={now.data} close={close} />
}

function Form({ subject, now, close }: { subject: Subject; now: Got<unknown>; close: () => void }) {
  const why = useWhyNot('editor')
  const names = subject.names(now.body as never)
  const [weights, setWeights] = useState(names.map((n) => n.weight))
  const [reason, setReason] = useState('')
  const total = weights.reduce((a, b) => a + b, 0)
  const changed = weights.some((w, i) => w !== names[i]!.weight)
  const [asked] = useDebouncedValue(weights, 300)
  const next = subject.change(now.body as never, asked)
  const plan = useQuery({
    queryKey: ['weights', subject.title, 'plan', asked.join()], enabled: changed && asked.join() === weights.join(), retry: false, gcTime: 60_000,
    queryFn: () => write('put', '/config', { params: { query: { dryRun: true, merge: true } }, body: subject.document(next) }),
  })
  const save = useWrite((r: string) => subject.save(subject.change(now.body as never, weights), now.etag, r), ['/services', '/pools', '/config', '/answers', '/explain', '/revisions'])
  const top = Math.max(100, ...weights.map((w) => w))
  const set = (i: number, w: number) => setWeights(weights.map((old, k) => (k === i ? w : old)))
  const body = plan.data?.body as Schemas['ConfigResult'] | undefined
  const warnings = body?.warnings.filter((w) => w.includes(subject.name)) ?? []
  return (
    <form onSubmit={(e) => { e.preventDefault(); if (!why && changed && reason.trim()) save.mutate(reason.trim(), { onSuccess: close }) }}>
      <Stack gap="md">
        <Table verticalSpacing={6} className="weights">
          <Table.Thead><Table.Tr><Table.Th>Branch</Table.Th><Table.Th w="45%">Weight</Table.Th><Table.Th ta="right">Share</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>
            {names.map((n, i) => (
              <Table.Tr key={i}>
                <Table.Td className="mono">{n.name}</Table.Td>
                <Table.Td><Group wrap="nowrap" gap="sm"><Slider flex={1} miw={60} min={0} max={top} value={weights[i]} onChange={(w) => set(i, w)} label={null} thumbLabel={`Weight of ${n.name}`} /><NumberInput aria-label={`Weight of ${n.name}`} size="xs" w={{ base: 72, xs: 92 }} min={0} max={1_000_000} allowDecimal={false} value={weights[i]} onChange={(w) => set(i, Number(w) || 0)} /></Group></Table.Td>
                <Table.Td ta="right" className="num">{total ? percent(weights[i]! / total) : weights[i] === 0 ? 'reserve' : ''}{weights[i] !== n.weight && <Text span size="xs" c="dimmed" display="block">was {n.weight}</Text>}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
        {total === 0 && <Text size="sm" c="dimmed">A weight of 0 is a reserve; of nothing but reserves all are answered alike.</Text>}
        <div aria-live="polite">
          {!changed ? <Text size="sm" c="dimmed">Move a weight, and whose answers change is worked out before anything is saved.</Text>
            : plan.error ? <ErrorBox error={plan.error} /> : !body ? <Skeleton height={60} /> : (
              <Stack gap="sm">
                {(body.effects ?? []).length === 0 && <Text size="sm">No client is sent elsewhere: only how often each answer is given changes, or nothing does.</Text>}
                {(body.effects ?? []).slice(0, 3).map((e) => <EffectTable key={e.service + e.type} effect={e} rows={5} />)}
                {warnings.length > 0 && <Alert color="yellow" variant="light" title="To be noticed"><List size="sm">{warnings.map((w) => <List.Item key={w}>{w}</List.Item>)}</List></Alert>}
              </Stack>
            )}
        </div>
        <ReasonInput value={reason} onChange={setReason} required />
        <ErrorBox error={save.error} />
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>Cancel</Button>
          <Guarded why={why}><Button type="submit" loading={save.isPending} disabled={!!why || !changed || !reason.trim() || !!plan.error}>Save weights</Button></Guarded>
        </Group>
      </Stack>
    </form>
  )
}
