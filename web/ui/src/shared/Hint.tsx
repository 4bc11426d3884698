import { Tooltip } from '@mantine/core'
import type { ReactElement } from 'react'

/** A text on hover, on focus and under a finger. */
export default function Hint({ text, children }: { text: string; children: ReactElement }) {
  return <Tooltip label={text} multiline maw={360} withinPortal events={{ hover: true, focus: true, touch: true }}>{children}</Tooltip>
}
