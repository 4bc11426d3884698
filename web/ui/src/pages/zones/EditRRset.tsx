import { Button, Group, Modal, NumberInput, Select, Stack, Text, TextInput, Textarea } from '@mantine/core'
import { useState } from 'react'

import { write } from '../../api/client'
import { useWhyNot } from '../../api/guard'
import { useWrite } from '../../api/queries'
import { because, CopyAs, shell } from '../../shared/CopyAs'
import { ErrorBox } from '../../shared/ErrorBox'
import { ReasonInput } from '../../shared/ReasonInput'
import { type RRset, absolute, example, readLines, relative, types } from './records'

/** Makes an RRset or changes one. What is plainly wrong is told as one writes; the node checks the rest. */
export function EditRRset({ zone, of, etag, close }: { zone: string; of?: RRset; etag?: string; close: () => void }) {
  const whyNot = useWhyNot('editor')
  const [name, setName] = useState(of ? relative(of.name, zone) : '')
  const [type, setType] = useState(of?.type ?? 'A')
  const [ttl, setTtl] = useState<number | string>(of?.ttl ?? 300)
  const [text, setText] = useState(of?.records.join('\n') ?? '')
  const [why, setWhy] = useState('')
  const owner = absolute(name, zone)
  const { records, wrong } = readLines(type, text)
  const ttlWrong = !/^\d+$/.test(String(ttl)) || Number(ttl) > 2147483647
  const body = { ttl: Number(ttl), records }
  const path = { zone, name: owner, type }
  const save = useWrite(() => write('put', '/zones/{zone}/rrsets/{name}/{type}', { params: { path }, body } as never, { etag, reason: why }), ['/zones', '/revisions'])
  const bad = text.trim() !== '' && wrong.length > 0
  return (
    <Modal opened onClose={close} title={of ? <>Edit <span className="mono">{of.name} {of.type}</span></> : 'New records'} size="lg" centered closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={(e) => { e.preventDefault(); if (wrong.length === 0 && !ttlWrong && !whyNot) save.mutate(undefined, { onSuccess: close }) }}>
        <Stack gap="md">
          {!of && (
            <Group align="flex-start" gap="sm">
              <TextInput label="Name" value={name} onChange={(e) => setName(e.currentTarget.value)} placeholder="www, or @ for the apex" description={<span className="mono">{owner}</span>} style={{ flex: 1 }} inputWrapperOrder={['label', 'input', 'description']} spellCheck={false} data-autofocus />
              <Select label="Type" data={types} value={type} onChange={(v) => setType(v ?? 'A')} searchable allowDeselect={false} w={120} />
            </Group>
          )}
          <NumberInput label="TTL" suffix=" s" value={ttl} onChange={setTtl} min={0} max={2147483647} w={160} error={ttlWrong ? '0 to 2147483647 seconds' : undefined} />
          <Textarea label="Records" description={`One on each line${/\.( |$)/.test(example[type] ?? '.') ? '; names end with a dot' : ''}${example[type] ? `: ${example[type]}` : ''}`} value={text} onChange={(e) => setText(e.currentTarget.value)} autosize minRows={3} maxRows={16} spellCheck={false}
            classNames={{ input: 'mono' }} error={bad ? wrong.slice(0, 5).join('; ') : undefined} required />
          <ReasonInput value={why} onChange={setWhy} />
          {whyNot && <Text size="sm" c="var(--m-down-text)" role="status">{whyNot}</Text>}
          <ErrorBox error={save.error} />
          <Group justify="space-between">
            <CopyAs curl={{ method: 'PUT', path: `/zones/${zone}/rrsets/${encodeURIComponent(owner)}/${type}`, body, reason: why }} cli={`zone set ${shell(zone)} ${shell(owner)} ${ttl} ${type} ${records.map(shell).join(' ')}${because(why)}`} json={{ name: owner, type, ...body }} />
            <Group><Button variant="default" onClick={close}>Cancel</Button><Button type="submit" loading={save.isPending} disabled={wrong.length > 0 || ttlWrong || !!whyNot}>Save</Button></Group>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
