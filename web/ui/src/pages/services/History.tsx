import { SegmentedControl, Text } from '@mantine/core'

import { bare } from '../../api/names'
import type { EndpointHealth } from '../../api/standing'
import { Go } from '../../shared/Go'
import { HealthStrip } from '../../shared/HealthStrip'
import { count } from '../../shared/number'
import { Panel } from '../../shared/Panel'
import { type Span, spans } from '../../shared/spans'
import { urgency } from '../../shared/Status'

const most = 20 // of more, half

/** How a service's endpoints were over time. */
export function History({ endpoints, all, over, set }: { endpoints: readonly EndpointHealth[]; all: number; over: Span; set: (s: Span) => void }) {
  const shown = endpoints.length > most ? endpoints.toSorted((a, b) => urgency[a.state] - urgency[b.state]).slice(0, most / 2) : endpoints
  return (
    <Panel title="Health over time" note="share of the time up" actions={<SegmentedControl size="xs" value={over} onChange={(v) => set(v as Span)} data={Object.keys(spans).map((s) => ({ value: s, label: s.replace(/\d+/, '$& ') }))} aria-label="Time" />}>
      <div className="strips">
        {shown.map((e) => <div key={e.endpoint} className="stripline"><Go to="/health" search={{ q: bare(e.endpoint) }} className="mono">{bare(e.endpoint)}</Go><HealthStrip endpoint={e.endpoint} over={over} /></div>)}
      </div>
      {all > most && <Text size="xs" c="dimmed" mt={6}>{shown.length} of {count(all)}, those that are not well first; Health has them all.</Text>}
    </Panel>
  )
}
