import { Link } from '@tanstack/react-router'

import css from './Changes.module.css'

/** The three lists of changes: what waits, what was made, and who did what. */
export function Tabs() {
  return (
    <nav className={css.tabs} aria-label="Changes">
      <Link to="/changes" activeOptions={{ exact: true, includeSearch: false }}>Drafts</Link>
      <Link to="/changes/history" activeOptions={{ includeSearch: false }}>History</Link>
      <Link to="/changes/audit" activeOptions={{ includeSearch: false }}>Audit</Link>
    </nav>
  )
}
