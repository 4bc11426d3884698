import { Tooltip } from '@mantine/core'

/** The text of data-hint beside its element. */
export default function HintAt({ at }: { at: HTMLElement }) {
  return <Tooltip key={at.dataset.hint} opened target={at} label={<span className="hint">{at.dataset.hint}</span>} multiline maw={420} withinPortal />
}
