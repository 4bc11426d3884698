import { Button, Stack, Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'

import { Command } from '../../shared/EmptyState'
import { Panel } from '../../shared/Panel'

const document = `regions:
  - {name: us-east,    place: {iata: IAD}}
  - {name: eu-central, place: {iata: FRA}}
monitors:
  - {name: web, https: {path: /healthz, host: '{service}'}, interval: 10s}
pools:
  - {name: web-us-east,    region: us-east,    monitor: web, endpoints: [{name: a, address: 192.0.2.10}]}
  - {name: web-eu-central, region: eu-central, monitor: web, endpoints: [{name: a, address: 198.51.100.10}]}
services:
  - name: www.example.com
    ttl: 30
    steer: {nearest: [{pool: web-us-east}, {pool: web-eu-central}]}`

/** What stands on the overview of a cluster that knows nothing yet: the way from there to the first answer. */
export function First() {
  return (
    <Stack gap="md" maw={860}>
      <Panel title="1  A zone" note="what you are authoritative for">
        <Stack gap="sm" align="flex-start">
          <Text size="sm">A service steers a name, and the name lies in a zone. Import a master file, or begin with an empty zone.</Text>
          <Button component={Link} to="/zones" size="compact-sm">To the zones</Button>
        </Stack>
      </Panel>
      <Panel title="2  Your world" note="a click copies it">
        <Stack gap="sm">
          <Text size="sm">Regions are where you stand, pools hold the endpoints there, monitors say whether they are well, and a service steers a name among them. With your own names and addresses in it:</Text>
          <Command text={document} />
          <Command text="meridian apply -f meridian.yaml" />
        </Stack>
      </Panel>
      <Panel title="3  Ask">
        <Stack gap="sm">
          <Text size="sm">Each client is answered the nearest region that is well, and you can ask why. Then this page shows who answers the world.</Text>
          <Command text="meridian explain www.example.com --client 91.10.0.1" />
        </Stack>
      </Panel>
    </Stack>
  )
}
