import { Page } from '../../shared/Page'

export default function Drills() {
  return <Page title="Drills" lead="Rehearsed failures and their reports">{null}</Page>
}
