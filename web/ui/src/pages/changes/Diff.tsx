import { Button, Group, Text } from '@mantine/core'
import { useMediaQuery } from '@mantine/hooks'
import { memo, useMemo, useState } from 'react'

import { count } from '../../shared/number'
import css from './Changes.module.css'
import { type Edit, byObject, lines } from './words'

const most = 25 // differences at first, and how many more at a time
const mostNarrow = 8 // so that what comes after them on a phone is not far

const opWord = { add: 'added', remove: 'removed', change: 'changed' }

/** What differs, object by object and field by field. */
export const Diff = memo(function Diff({ edits, more, none = 'Nothing differs.' }: { edits: readonly Edit[]; more?: number; none?: string }) {
  const step = useMediaQuery('(max-width: 48em)', false, { getInitialValueInEffect: false }) ? mostNarrow : most
  const [limit, setLimit] = useState(step)
  const objects = useMemo(() => byObject(edits.slice(0, limit)), [edits, limit])
  if (edits.length === 0) return <Text size="sm" c="dimmed">{none}</Text>
  return (
    <div className={css.diff}>
      {objects.map(([object, list]) => (
        <section key={object} className={css.object} aria-label={object}>
          <header><b className="mono">{object}</b><Text span size="xs" c="dimmed">{list.length === 1 && !list[0]!.field ? opWord[list[0]!.op] : `${list.length} difference${list.length === 1 ? '' : 's'}`}</Text></header>
          {list.map((e, i) => (
            <div key={i} className={css.edit}>
              <span>{e.field ?? <>the whole<span className="visually-hidden"> object</span></>}</span>
              <pre tabIndex={0} aria-label={`${e.field ?? object}: ${opWord[e.op]}`}>{lines(e.old, e.new).map((p, k) => <i key={k} data-kind={p.kind}>{p.text}</i>)}{e.old === undefined && e.new === undefined && <i>{opWord[e.op]}</i>}</pre>
            </div>
          ))}
        </section>
      ))}
      {edits.length > limit && (
        <Group gap="sm">
          <Button size="compact-sm" variant="default" onClick={() => setLimit(limit + most)}>Show {Math.min(most, edits.length - limit)} more</Button>
          <Text size="xs" c="dimmed">{count(limit)} of {count(edits.length + (more ?? 0))} differences</Text>
        </Group>
      )}
      {more && edits.length <= limit ? <Text size="xs" c="dimmed">and {count(more)} more differences that are not listed</Text> : null}
    </div>
  )
})
