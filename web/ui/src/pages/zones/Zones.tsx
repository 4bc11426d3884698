import { Page } from '../../shared/Page'

export default function Zones() {
  return <Page title="Zones" lead="Zones and their records">{null}</Page>
}
