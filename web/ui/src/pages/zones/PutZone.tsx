import { Button, FileButton, Group, Modal, Stack, Tabs, Text, TextInput, Textarea } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useState } from 'react'

import { useWhyNot } from '../../api/guard'
import { useWrite } from '../../api/queries'
import { Guarded } from '../../shared/Guarded'
import { because, CopyAs, shell } from '../../shared/CopyAs'
import { ErrorBox } from '../../shared/ErrorBox'
import { ReasonInput } from '../../shared/ReasonInput'
import { putZone } from './files'
import { skeleton } from './records'

const large = 200_000 // characters that a text box takes without pain

/** Creates a zone, from nothing or from a master file; or replaces one by a file. */
export function PutZone({ zone, etag, records, done }: { zone?: string; etag?: string; records?: number; done: (zone: string) => void }) {
  const [opened, { open, close }] = useDisclosure(false)
  const whyNot = useWhyNot('editor')
  const [name, setName] = useState('')
  const [server, setServer] = useState('')
  const [mail, setMail] = useState('')
  const [how, setHow] = useState<string | null>(zone ? 'file' : 'new')
  const [text, setText] = useState('')
  const [file, setFile] = useState<{ name: string; text: string }>()
  const [why, setWhy] = useState('')
  const apex = (zone ?? name).trim().replace(/\.$/, '')
  const put = useWrite(() => putZone(apex, how === 'new' ? skeleton(apex, server || `ns1.${apex}`, mail || `hostmaster.${apex}`) : file?.text ?? text, zone ? etag : '"0"', why), ['/zones', '/revisions'])
  const missing = !apex || (how === 'file' && !(file?.text ?? text).trim())
  const label = zone ? 'Import' : 'New zone'
  const take = async (f: File | null) => { if (f) setFile({ name: f.name, text: await f.text() }) }
  return (
    <>
      <Guarded why={whyNot}><Button size="compact-sm" variant={zone ? 'default' : 'filled'} data-disabled={whyNot ? true : undefined} aria-disabled={!!whyNot} onClick={() => { if (!whyNot) { put.reset(); setFile(undefined); open() } }}>{label}</Button></Guarded>
      <Modal opened={opened} onClose={close} title={zone ? `Replace all of ${zone}?` : 'New zone'} size="lg" centered closeButtonProps={{ 'aria-label': 'Close' }}>
        <form onSubmit={(e) => { e.preventDefault(); if (!missing && !whyNot) put.mutate(undefined, { onSuccess: () => { close(); done(apex) } }) }}>
          <Stack gap="md">
            {zone
              ? <Text size="sm">The file takes the place of all {records?.toLocaleString('en')} records of <b className="mono">{zone}</b>: what is not in it is gone. If anything in it is wrong, nothing changes and each mistake is told with its line.</Text>
              : <TextInput label="Name" placeholder="example.com" value={name} onChange={(e) => setName(e.currentTarget.value)} required spellCheck={false} data-autofocus />}
            <Tabs value={how} onChange={setHow} keepMounted={false}>
              {!zone && <Tabs.List mb="sm"><Tabs.Tab value="new">Empty</Tabs.Tab><Tabs.Tab value="file">From a master file</Tabs.Tab></Tabs.List>}
              <Tabs.Panel value="new">
                <Group grow align="flex-start">
                  <TextInput label="Name server" placeholder={`ns1.${apex || 'example.com'}`} value={server} onChange={(e) => setServer(e.currentTarget.value)} spellCheck={false} />
                  <TextInput label="Mailbox" placeholder={`hostmaster@${apex || 'example.com'}`} value={mail} onChange={(e) => setMail(e.currentTarget.value)} spellCheck={false} />
                </Group>
                <Text size="xs" c="dimmed" mt="xs">It begins with its SOA and one NS record. Add the other nodes as name servers, and their addresses.</Text>
              </Tabs.Panel>
              <Tabs.Panel value="file">
                <Stack gap="xs">
                  <Group gap="sm">
                    <FileButton onChange={(f) => void take(f)} accept=".zone,.txt,.db,text/dns,text/plain">{(props) => <Button {...props} size="compact-sm" variant="default">Choose a file</Button>}</FileButton>
                    {file && <Text size="sm"><span className="mono">{file.name}</span>, {file.text.length.toLocaleString('en')} characters</Text>}
                    {file && <Button size="compact-xs" variant="subtle" onClick={() => setFile(undefined)}>Write it instead</Button>}
                  </Group>
                  {(!file || file.text.length <= large) && (
                    <Textarea aria-label="Master file" autosize minRows={8} maxRows={18} spellCheck={false} classNames={{ input: 'mono' }} value={file?.text ?? text}
                      onChange={(e) => { if (file) setFile({ ...file, text: e.currentTarget.value }); else setText(e.currentTarget.value) }} placeholder={'$ORIGIN example.com.\n$TTL 300\n@ IN SOA …'} />
                  )}
                </Stack>
              </Tabs.Panel>
            </Tabs>
            <ReasonInput value={why} onChange={setWhy} />
            <ErrorBox error={put.error} />
            <Group justify="flex-end">
              {how === 'file' && file && apex && <CopyAs cli={`zone import ${shell(file.name)}${zone ? '' : ` --name ${shell(apex)}`}${because(why)}`} />}
              <Button variant="default" onClick={close}>Cancel</Button>
              <Button type="submit" color={zone ? 'red' : undefined} loading={put.isPending} disabled={missing}>{zone ? 'Replace' : 'Create'}</Button>
            </Group>
          </Stack>
        </form>
      </Modal>
    </>
  )
}
