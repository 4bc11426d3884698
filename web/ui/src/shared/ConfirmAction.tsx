import { Button, type ButtonProps, Group, Modal, Stack, Text, TextInput, Tooltip } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { type ReactNode, useEffect, useState } from 'react'

import { type Rank, useWhyNot } from '../api/guard'
import { CopyAs, type Copyable } from './CopyAs'
import { ErrorBox } from './ErrorBox'
import { ReasonInput } from './ReasonInput'
import { useRun } from './useRun'

export interface ConfirmProps {
  label: string // of the button that opens it
  title: string // a question that names the thing: "Drain region/us-east?"
  needs: Rank
  children?: ReactNode // what it moves: clients, services, shares
  refused?: string // why a dry run or a safety rule forbids it: the button is disabled and says so
  reason?: 'required' | 'optional' | 'none'
  type?: string // a word to type, for what cannot be undone
  does?: (reason: string) => Copyable // the same as curl and as a command
  run: (reason: string) => Promise<unknown>
  onOpen?: () => void // to begin the dry run
  button?: ButtonProps
  danger?: boolean
}

/** A button for what has consequences: it asks first, saying what will move, and is disabled with the reason when it may not be. */
export function ConfirmAction({ label, title, needs, children, refused, reason = 'required', type, does, run, onOpen, button, danger = true }: ConfirmProps) {
  const [opened, { open, close }] = useDisclosure(false)
  const whyNot = useWhyNot(needs)
  const { why, setWhy, error, setError, busy, go } = useRun(run, close)
  const [typed, setTyped] = useState('')
  useEffect(() => { if (opened) { setTyped(''); setError(undefined) } }, [opened])
  const forbidden = whyNot ?? refused
  const missing = (reason === 'required' && !why.trim()) || (type !== undefined && typed !== type)
  return (
    <>
      <Guarded why={forbidden}>
        <Button size="compact-sm" variant="default" {...button} data-disabled={forbidden ? true : undefined} aria-disabled={!!forbidden}
          onClick={(e) => { if (forbidden) e.preventDefault(); else { onOpen?.(); open() } }}>{label}</Button>
      </Guarded>
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
    </>
  )
}

/** Says on hover and to screen readers why what it holds is disabled. */
export function Guarded({ why, children }: { why?: string; children: ReactNode }) {
  if (!why) return <>{children}</>
  return (
    <Tooltip label={why} multiline maw={360} withinPortal events={{ hover: true, focus: true, touch: true }}>
      <span className="guarded">{children}<span className="visually-hidden">{why}</span></span>
    </Tooltip>
  )
}
