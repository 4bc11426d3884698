import { Page } from '../../shared/Page'

export default function Cluster() {
  return <Page title="Cluster" lead="Nodes, leader, lag and vantages">{null}</Page>
}
