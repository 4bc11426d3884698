import { Page } from '../../shared/Page'

export default function Health() {
  return <Page title="Health" lead="Endpoints as each vantage sees them">{null}</Page>
}
