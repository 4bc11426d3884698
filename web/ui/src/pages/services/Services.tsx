import { Page } from '../../shared/Page'

export default function Services() {
  return <Page title="Services" lead="Steered names and how they are answered">{null}</Page>
}
