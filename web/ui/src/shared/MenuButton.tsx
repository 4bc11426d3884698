import { type MouseEvent, type ReactElement, type ReactNode, cloneElement, useState } from 'react'

import { later } from './later'

export const Opened = later(() => import('./MenuOpened'), ({ children }) => children)

export type Item =
  | { label: ReactNode; do: () => void; left?: ReactNode; on?: boolean; stay?: boolean } // on: it is chosen; stay: the menu stays open
  | { label: ReactNode; href: string }
  | { heading: ReactNode }
  | 'line'

type Target = ReactElement<{ onClick?: (e: MouseEvent) => void; 'aria-haspopup'?: 'menu' }>

/** A button with a menu, which is loaded when it is first pressed. */
export function MenuButton({ items, children, width }: { items: Item[]; children: Target; width?: number }) {
  const [wanted, setWanted] = useState(false)
  const closed = cloneElement(children, { 'aria-haspopup': 'menu', onClick: () => setWanted(true) })
  return wanted ? <Opened items={items} width={width}>{children}</Opened> : closed
}
