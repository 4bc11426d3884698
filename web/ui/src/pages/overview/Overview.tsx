import { Page } from '../../shared/Page'

export default function Overview() {
  return <Page title="Overview" lead="The world now">{null}</Page>
}
