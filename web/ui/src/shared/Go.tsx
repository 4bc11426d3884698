import { createLink } from '@tanstack/react-router'
import type { AnchorHTMLAttributes, CSSProperties, Ref } from 'react'

interface Props extends AnchorHTMLAttributes<HTMLAnchorElement> {
  size?: 'xs' | 'sm' | 'md'
  fw?: number
  c?: string
  ref?: Ref<HTMLAnchorElement>
}

function Styled({ size = 'sm', fw, c, style, ...rest }: Props) {
  const own: CSSProperties = { fontSize: `var(--mantine-font-size-${size})`, lineHeight: `var(--mantine-line-height-${size})`, fontWeight: fw, color: c, ...style }
  return <a {...rest} style={own} />
}

/** A link to a page, whose parameters and search are checked against that page's route. */
export const Go = createLink(Styled)
