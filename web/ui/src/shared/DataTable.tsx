import { TextInput } from '@mantine/core'
import { useMediaQuery } from '@mantine/hooks'
import IconChevronDown from '@tabler/icons-react/dist/esm/icons/IconChevronDown.mjs'
import IconChevronUp from '@tabler/icons-react/dist/esm/icons/IconChevronUp.mjs'
import IconSearch from '@tabler/icons-react/dist/esm/icons/IconSearch.mjs'
import { useVirtualizer } from '@tanstack/react-virtual'
import { type KeyboardEvent, type ReactNode, type RefObject, memo, useCallback, useDeferredValue, useEffect, useMemo, useRef, useState } from 'react'

import css from './DataTable.module.css'
import { count } from './number'

export interface Column<T> {
  key: string
  title: string
  cell: (row: T) => ReactNode
  sort?: (row: T) => string | number // the column can be sorted by it
  text?: (row: T) => string // the filter looks at it
  width?: string // as grid-template-columns has it; by default minmax(90px, 1fr)
  align?: 'right'
  wrap?: boolean
  long?: boolean // has a line of its own on a phone
}

export interface TableProps<T> {
  label: string // for screen readers
  rows: readonly T[]
  columns: readonly Column<T>[]
  id: (row: T) => string
  open?: (row: T) => void // Enter, or a click beside a link
  filter?: { value: string; set: (v: string) => void; placeholder?: string } // in the URL's search
  tools?: ReactNode
  none?: string
  sortBy?: { key: string; desc?: boolean }
  total?: number // of all pages, when rows is one of them
  height?: string // of the box in which long tables scroll
}

const tall = 60 // from so many rows only those in sight are drawn
const tallNarrow = 20 // where a row is a card

let collator: Intl.Collator | undefined // made when first needed: it takes milliseconds
const byText = () => (collator ??= new Intl.Collator(undefined, { numeric: true }))

/** Rows that match every word of a filter. */
export function matching<T>(rows: readonly T[], columns: readonly Column<T>[], filter: string): readonly T[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean)
  const texts = columns.flatMap((c) => (c.text ? [c.text] : []))
  if (words.length === 0 || texts.length === 0) return rows
  return rows.filter((r) => {
    const text = texts.map((t) => t(r)).join('\n').toLowerCase()
    return words.every((w) => text.includes(w))
  })
}

/** A table that sorts and filters, is at home on a phone, and draws of many rows only those in sight. Arrows move, Enter opens. */
export function DataTable<T>({ label, rows, columns, id, open, filter, tools, none = 'Nothing matches.', total = rows.length, sortBy, height = 'calc(100dvh - 260px)' }: TableProps<T>) {
  const [sort, setSort] = useState(sortBy)
  const narrow = useMediaQuery('(max-width: 48em)', false, { getInitialValueInEffect: false })
  const words = useDeferredValue(filter?.value ?? '')
  const shown = useMemo(() => {
    const list = matching(rows, columns, words)
    const by = columns.find((c) => c.key === sort?.key)?.sort
    if (!by) return list
    const sign = sort?.desc ? -1 : 1
    return [...list].sort((a, b) => {
      const x = by(a), y = by(b)
      return sign * (typeof x === 'number' && typeof y === 'number' ? x - y : byText().compare(String(x), String(y)))
    })
  }, [rows, columns, words, sort])
  const [box, setBox] = useState<HTMLDivElement | null>(null) // a state, since what is inside it is drawn before it is there
  const long = shown.length > (narrow ? tallNarrow : tall)
  const scrollTo = useRef<(i: number) => void>(undefined) // of a long one
  const grid = columns.map((c) => c.width ?? 'minmax(90px, 1fr)').join(' ')
  const now = useRef({ shown, open, box }) // rows that are not drawn again go by it too
  now.current = { shown, open, box }
  const keys = useCallback((e: KeyboardEvent<HTMLDivElement>, i: number) => {
    const { shown, open } = now.current
    if (e.target !== e.currentTarget) return
    const to = { ArrowDown: i + 1, ArrowUp: i - 1, Home: 0, End: shown.length - 1, PageDown: i + 15, PageUp: i - 15 }[e.key]
    if (e.key === 'Enter' && open) open(shown[i]!)
    else if (to !== undefined) {
      e.preventDefault()
      const at = Math.min(Math.max(to, 0), shown.length - 1)
      scrollTo.current?.(at)
      requestAnimationFrame(() => now.current.box?.querySelector<HTMLElement>(`[role="row"][data-index="${at}"]`)?.focus())
    }
  }, [])
  const one = (row: T, i: number) => <Row key={id(row)} {...{ row, i, columns, grid, open, keys }} />
  return (
    <div className={css.frame}>
      {(filter || tools) && (
        <div className={css.bar}>
          {filter && <TextInput className={css.filter} size="xs" w="min(280px, calc(100% - 44px))" leftSection={<IconSearch size={14} />} aria-label={filter.placeholder ?? 'Filter'} placeholder={filter.placeholder ?? 'Filter'}
            value={filter.value} onChange={(e) => filter.set(e.currentTarget.value)} data-filter />}
          {tools}
          <span className={css.count} role="status">{shown.length === total ? count(total) : `${count(shown.length)} of ${count(total)}`}</span>
        </div>
      )}
      {shown.length === 0 ? <div className={css.none}>{none}</div> : (
        <div ref={setBox} className={long ? css.box : css.short} style={long ? { height } : undefined} tabIndex={-1}>
          <div className={css.table} role="table" aria-label={label} aria-rowcount={shown.length + 1}>
            <div role="rowgroup" className={css.head} style={{ gridTemplateColumns: grid }}>
              <div role="row" style={{ display: 'contents' }}>
                {columns.map((c) => (
                  <div key={c.key} role="columnheader" data-align={c.align} aria-sort={sort?.key === c.key ? (sort.desc ? 'descending' : 'ascending') : undefined}>
                    {c.sort ? (
                      <button type="button" className={css.sort} onClick={() => setSort({ key: c.key, desc: sort?.key === c.key ? !sort.desc : false })}>
                        {c.title}{sort?.key === c.key && (sort.desc ? <IconChevronDown size={12} /> : <IconChevronUp size={12} />)}
                      </button>
                    ) : c.title}
                  </div>
                ))}
              </div>
            </div>
            {long ? box && <Long key={narrow ? 'narrow' : 'wide' /* heights that were measured are of the other layout */} rows={shown} {...{ id, one, narrow, box, scrollTo }} /> : <div role="rowgroup">{shown.map(one)}</div>}
          </div>
        </div>
      )}
    </div>
  )
}

interface LongProps<T> {
  rows: readonly T[]
  id: (row: T) => string
  one: (row: T, i: number) => ReactNode
  narrow: boolean
  box: HTMLDivElement
  scrollTo: RefObject<((i: number) => void) | undefined>
}

const own = { height: 37, contain: 'strict' } as const // its layout is nobody else's

/** Of many rows, those in sight. */
function Long<T>({ rows, id, one, narrow, box, scrollTo }: LongProps<T>) {
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => box, useFlushSync: false, estimateSize: () => (narrow ? 84 : 37), overscan: 12, getItemKey: (i) => id(rows[i]!) })
  useEffect(() => {
    scrollTo.current = (i) => virtual.scrollToIndex(i)
    return () => { scrollTo.current = undefined }
  }, [virtual, scrollTo])
  return (
    <div role="rowgroup" style={{ height: virtual.getTotalSize(), position: 'relative' }}>
      {virtual.getVirtualItems().map((v) => (
        <div key={v.key} role="presentation" style={{ position: 'absolute', top: 0, left: 0, right: 0, transform: `translateY(${v.start}px)`, ...(narrow ? undefined : own) }} data-index={v.index} ref={narrow ? virtual.measureElement : undefined}>
          {one(rows[v.index]!, v.index)}
        </div>
      ))}
    </div>
  )
}

interface RowProps<T> {
  row: T
  i: number
  columns: readonly Column<T>[]
  grid: string
  open?: (row: T) => void
  keys: (e: KeyboardEvent<HTMLDivElement>, i: number) => void
}

function PlainRow<T>({ row, i, columns, grid, open, keys }: RowProps<T>) {
  return (
    <div role="row" aria-rowindex={i + 2} data-index={i} data-link={open ? true : undefined} className={css.row} tabIndex={i === 0 ? 0 : -1}
      style={{ gridTemplateColumns: grid }} onKeyDown={(e) => keys(e, i)}
      onClick={(e) => { if (open && !(e.target as HTMLElement).closest('a,button,input,label')) open(row) }}>
      {columns.map((c) => <div key={c.key} role="cell" className={css.cell} data-label={c.title} data-align={c.align} data-wrap={c.wrap ? true : undefined} data-long={c.long || c.wrap ? true : undefined}>{c.cell(row)}</div>)}
    </div>
  )
}

const Row = memo(PlainRow, (a, b) => a.row === b.row && a.i === b.i && a.columns === b.columns && a.grid === b.grid) as typeof PlainRow
