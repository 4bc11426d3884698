import { Link } from '@tanstack/react-router'

import css from './Changes.module.css'

/** The three lists of changes: what waits, what was made, and who did what. */
export function Tabs({ at }: { at: 'drafts' | 'history' | 'audit' }) {
  return (
    <nav className={css.tabs} aria-label="Changes">
      <Link to="/changes" aria-current={at === 'drafts' ? 'page' : undefined}>Drafts</Link>
      <Link to="/changes/history" aria-current={at === 'history' ? 'page' : undefined}>History</Link>
      <Link to="/changes/audit" aria-current={at === 'audit' ? 'page' : undefined}>Audit</Link>
    </nav>
  )
}
