import { Page } from '../../shared/Page'

export default function Queries() {
  return <Page title="Queries" lead="A sampled tail of what is asked">{null}</Page>
}
