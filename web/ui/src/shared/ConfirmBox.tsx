import { Button, Group, Modal, Stack, Text, TextInput } from '@mantine/core'
import { useEffect, useState } from 'react'

import type { ConfirmProps } from './ConfirmAction'
import { CopyAs } from './CopyAs'
import { ErrorBox } from './ErrorBox'
import { ReasonInput } from './ReasonInput'
import { useRun } from './useRun'

interface Props extends Omit<ConfirmProps, 'onOpen' | 'button' | 'needs'> {
  opened: boolean
  close: () => void
  forbidden?: string
}

/** What a ConfirmAction asks. */
export default function ConfirmBox({ label, title, children, reason = 'required', type, does, run, danger = true, opened, close, forbidden }: Props) {
  const { why, setWhy, error, setError, busy, go } = useRun(run, close)
  const [typed, setTyped] = useState('')
  useEffect(() => { if (opened) { setTyped(''); setError(undefined) } }, [opened, setError])
  const missing = (reason === 'required' && !why.trim()) || (type !== undefined && typed !== type)
  return (
    <Modal opened={opened} onClose={close} title={title} size="lg" centered closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={(e) => { e.preventDefault(); if (!missing && !forbidden) void go() }}>
        <Stack gap="md">
          {children}
          {reason !== 'none' && <ReasonInput value={why} onChange={setWhy} required={reason === 'required'} />}
          {type !== undefined && <TextInput label={<>Type <b>{type}</b> to confirm</>} value={typed} onChange={(e) => setTyped(e.currentTarget.value)} autoComplete="off" spellCheck={false} />}
          {forbidden && <Text size="sm" c="var(--m-down-text)" role="status">{forbidden}</Text>}
          <ErrorBox error={error} />
          <Group justify="space-between">
            {does ? <CopyAs {...does(why)} /> : <span />}
            <Group>
              <Button variant="default" onClick={close}>Cancel</Button>
              <Button type="submit" color={danger ? 'red' : undefined} loading={busy} disabled={missing || !!forbidden}>{label}</Button>
            </Group>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
