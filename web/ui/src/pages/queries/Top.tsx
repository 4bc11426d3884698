import { Text, UnstyledButton } from '@mantine/core'

import { Panel } from '../../shared/Panel'
import { percent } from '../../shared/Share'
import css from './Queries.module.css'
import type { tallies } from './tail'

/** What there is most of; a click filters the tail by it. */
export function Top({ title, list, pick, picked, text = (k) => k, mono }: { title: string; list: ReturnType<typeof tallies>; pick: (key: string) => void; picked?: string; text?: (key: string) => string; mono?: boolean }) {
  return (
    <Panel title={title} note={list.length >= 20 ? 'the first 20' : String(list.length || '')} className={`panel ${css.top}`}>
      {list.length === 0 && <Text size="sm" c="dimmed">None yet.</Text>}
      <div className={css.list}>
        {list.map((t) => (
          <UnstyledButton key={t.key} className={css.line} onClick={() => pick(picked === t.key ? '' : t.key)} aria-pressed={picked === t.key} title={`${t.key}\n${t.count.toLocaleString('en')} of those sampled${t.over ? `, maybe ${t.over.toLocaleString('en')} fewer` : ''}`}>
            <i className={css.fill} style={{ width: `${t.share * 100}%` }} />
            <span className={mono ? `mono ${css.key}` : css.key}>{t.key ? text(t.key) : 'unknown'}</span>
            <span className="num">{t.over ? '≤ ' : ''}{t.count.toLocaleString('en')}</span>
            <span className={`num ${css.share}`}>{percent(t.share)}</span>
          </UnstyledButton>
        ))}
      </div>
    </Panel>
  )
}
