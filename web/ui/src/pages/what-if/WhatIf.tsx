import { Page } from '../../shared/Page'

export default function WhatIf() {
  return <Page title="What-if" lead="What a client would be answered, and why">{null}</Page>
}
