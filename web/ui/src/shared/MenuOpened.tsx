import { Menu } from '@mantine/core'
import type { ReactElement } from 'react'

import type { Item } from './MenuButton'

/** The menu of a MenuButton, open at first. */
export default function MenuOpened({ items, children, width }: { items: Item[]; children: ReactElement; width?: number }) {
  return (
    <Menu position="bottom-end" withinPortal shadow="md" width={width} defaultOpened>
      <Menu.Target>{children}</Menu.Target>
      <Menu.Dropdown>
        {items.map((it, i) => {
          if (it === 'line') return <Menu.Divider key={i} />
          if ('heading' in it) return <Menu.Label key={i}>{it.heading}</Menu.Label>
          if ('href' in it) return <Menu.Item key={i} component="a" href={it.href} target="_blank" rel="noreferrer">{it.label}</Menu.Item>
          return <Menu.Item key={i} onClick={it.do} leftSection={it.left} rightSection={it.on ? '✓' : undefined} closeMenuOnClick={!it.stay}>{it.label}</Menu.Item>
        })}
      </Menu.Dropdown>
    </Menu>
  )
}
