import { Anchor, Group, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'

import { get } from '../api/queries'

// Any address does: the answer names the data that it comes from.
const asked = { params: { query: { address: '192.0.2.1' } } }

/** Where the geographic data comes from, as its license asks. */
export function Footer() {
  const geo = useQuery({ ...get('/geo/lookup', asked), staleTime: 600_000 }).data?.body
  return (
    <Group component="footer" className="footer" gap="md">
      {[geo?.database, geo?.asnDatabase].map((d) => d && (
        <Text key={d.name} size="xs" c="dimmed">
          Geographic data: {d.name} of {d.built.slice(0, 10)}. <Anchor href={d.link} target="_blank" rel="noreferrer" size="xs" underline="always" c="inherit">{d.attribution}</Anchor>
        </Text>
      ))}
      <Text size="xs" c="dimmed">Map: Natural Earth. Places of countries: <Anchor href="https://www.geonames.org" target="_blank" rel="noreferrer" size="xs" underline="always" c="inherit">GeoNames</Anchor> (CC BY 4.0)</Text>
      <Anchor href={import.meta.env.LICENSES} size="xs" underline="always" c="dimmed">Licenses</Anchor>
    </Group>
  )
}
