import { Button, type ButtonProps, Group, Modal, Select, Stack, TagsInput, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import type { ReactNode } from 'react'

import { type Rank, useWhyNot } from '../../api/guard'
import { Guarded } from '../../shared/Guarded'
import { ErrorBox } from '../../shared/ErrorBox'
import { ReasonInput } from '../../shared/ReasonInput'
import { useRun } from '../../shared/useRun'

export const roles = ['viewer', 'operator', 'editor', 'admin'] as const

interface Props {
  label: string
  title: ReactNode
  needs?: Rank
  button?: ButtonProps
  missing?: boolean
  save: (reason: string) => Promise<unknown>
  onOpen?: () => void
  action?: string
  children: ReactNode
}

/** A button that opens a form in a box, which stays open with what went wrong until it is saved. */
export function FormButton({ label, title, needs = 'admin', button, missing, save, onOpen, action = 'Save', children }: Props) {
  const [opened, { open, close }] = useDisclosure(false)
  const whyNot = useWhyNot(needs)
  const { why, setWhy, error, setError, busy, go } = useRun(save, close)
  return (
    <>
      <Guarded why={whyNot}><Button size="compact-sm" variant="default" {...button} data-disabled={whyNot ? true : undefined} aria-disabled={!!whyNot} onClick={() => { if (!whyNot) { setError(undefined); onOpen?.(); open() } }}>{label}</Button></Guarded>
      <Modal opened={opened} onClose={close} title={title} size="lg" centered closeButtonProps={{ 'aria-label': 'Close' }}>
        <form onSubmit={(e) => { e.preventDefault(); e.stopPropagation(); if (!missing && !whyNot) void go() }}>
          <Stack gap="md">
            {children}
            <ReasonInput value={why} onChange={setWhy} />
            {whyNot && <Text size="sm" c="var(--m-down-text)" role="status">{whyNot}</Text>}
            <ErrorBox error={error} />
            <Group justify="flex-end"><Button variant="default" onClick={close}>Cancel</Button><Button type="submit" loading={busy} disabled={missing || !!whyNot}>{action}</Button></Group>
          </Stack>
        </form>
      </Modal>
    </>
  )
}

/** A role, and for operators and editors what it is limited to. */
export function RoleFields({ role, setRole, scopes, setScopes, description }: { role: string; setRole: (r: string) => void; scopes: string[]; setScopes: (s: string[]) => void; description?: string }) {
  const limits = role === 'operator' || role === 'editor'
  return (
    <Group align="flex-start" gap="sm">
      <Select label="Role" data={[...roles]} value={role} onChange={(v) => { if (v) { setRole(v); if (v !== 'operator' && v !== 'editor') setScopes([]) } }} allowDeselect={false} w={150} description={description} />
      <TagsInput label="Limited to" description={limits ? 'zone/example.com, service/*.example.com, region/us-*, pool/web; empty: all' : 'For operators and editors only'} disabled={!limits} value={scopes} onChange={setScopes} style={{ flex: 1, minWidth: 220 }} inputWrapperOrder={['label', 'input', 'description']} />
    </Group>
  )
}
