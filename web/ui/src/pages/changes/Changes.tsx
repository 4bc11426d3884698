import { Page } from '../../shared/Page'

export default function Changes() {
  return <Page title="Changes" lead="Drafts, history, rollback and audit">{null}</Page>
}
