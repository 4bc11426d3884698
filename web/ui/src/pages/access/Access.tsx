import { Page } from '../../shared/Page'

export default function Access() {
  return <Page title="Access" lead="Users, tokens, notifications and geographic data">{null}</Page>
}
