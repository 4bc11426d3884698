import { Anchor, type AnchorProps } from '@mantine/core'
import { createLink } from '@tanstack/react-router'
import { type AnchorHTMLAttributes, type Ref } from 'react'

type Props = Omit<AnchorProps, 'href'> & Omit<AnchorHTMLAttributes<HTMLAnchorElement>, keyof AnchorProps> & { ref?: Ref<HTMLAnchorElement> }

function Styled({ size = 'sm', ...rest }: Props) {
  return <Anchor size={size} {...rest} />
}

/** A link to a page, whose parameters and search are checked against that page's route. */
export const Go = createLink(Styled)
