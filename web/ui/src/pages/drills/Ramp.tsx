import { Select, TagsInput, TextInput } from '@mantine/core'

import { type Plan, readSteps } from './words'

type RampPlan = NonNullable<Plan['ramp']>
interface Ramped { ramp?: RampPlan }

/** How clients leave: at once, in even steps, or in steps of one's own. */
export function RampFields({ p, set, conditions }: { p: Ramped; set: (next: Ramped) => void; conditions: string[] }) {
  const r = p.ramp
  const how = !r ? 'once' : r.steps ? 'steps' : 'even'
  const change = (next: Partial<RampPlan>) => set({ ramp: { ...r, ...next } })
  const choose = (v: string | null) => set({ ramp: v === 'even' ? { over: '10m', pauseWhen: r?.pauseWhen } : v === 'steps' ? { steps: [75, 50, 25, 0], every: '2m', pauseWhen: r?.pauseWhen } : undefined })
  return (
    <>
      <Select label="Clients leave" description="How the drain comes" allowDeselect={false} value={how} onChange={choose} data={[{ value: 'once', label: 'at once' }, { value: 'even', label: 'in ten even steps' }, { value: 'steps', label: 'in steps of your own' }]} />
      {how === 'even' && <TextInput label="Over" description="Until all have left, 9s to 168h" placeholder="10m" value={r?.over ?? ''} onChange={(e) => change({ over: e.currentTarget.value || undefined })} />}
      {how === 'steps' && <>
        <TextInput key="steps" label="Percent kept" description="After each step, down to 0" placeholder="75, 50, 25, 0" defaultValue={r?.steps?.join(', ')} onChange={(e) => change({ steps: readSteps(e.currentTarget.value) })} />
        <TextInput label="Every" description="Between two steps, 1s to 24h" placeholder="2m" value={r?.every ?? ''} onChange={(e) => change({ every: e.currentTarget.value || undefined })} />
      </>}
      {r && <TagsInput label="Pause when" description="Holds it where it is; Enter adds one" placeholder="load:region/eu-central>90" value={r.pauseWhen ?? []} onChange={(v) => change({ pauseWhen: v.length ? v : undefined })} data={conditions} limit={80} clearButtonProps={{ 'aria-label': 'Clear' }} />}
    </>
  )
}
