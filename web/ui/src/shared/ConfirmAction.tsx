import { Button, type ButtonProps } from '@mantine/core'
import { type ReactNode, useState } from 'react'

import { type Rank, useWhyNot } from '../api/guard'
import type { Copyable } from './CopyAs'
import { Guarded } from './Guarded'
import { later } from './later'

export const Box = later(() => import('./ConfirmBox'))

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
export function ConfirmAction({ onOpen, button, ...asked }: ConfirmProps) {
  const [opened, setOpened] = useState<boolean>() // undefined: it never was, and its box is not loaded
  const whyNot = useWhyNot(asked.needs)
  const forbidden = whyNot ?? asked.refused
  return (
    <>
      <Guarded why={forbidden}>
        <Button size="compact-sm" variant="default" {...button} data-disabled={forbidden ? true : undefined} aria-disabled={!!forbidden}
          onClick={(e) => { if (forbidden) e.preventDefault(); else { onOpen?.(); setOpened(true) } }}>{asked.label}</Button>
      </Guarded>
      {opened !== undefined && <Box {...asked} opened={opened} close={() => setOpened(false)} forbidden={forbidden} />}
    </>
  )
}
