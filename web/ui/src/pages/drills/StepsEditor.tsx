import { ActionIcon, Button, Group, Menu, MultiSelect, NumberInput, Select, Text, TextInput, Textarea } from '@mantine/core'
import IconArrowDown from '@tabler/icons-react/dist/esm/icons/IconArrowDown.mjs'
import IconArrowUp from '@tabler/icons-react/dist/esm/icons/IconArrowUp.mjs'
import IconPlus from '@tabler/icons-react/dist/esm/icons/IconPlus.mjs'
import IconTrash from '@tabler/icons-react/dist/esm/icons/IconTrash.mjs'

import type { Schemas } from '../../api/client'
import css from './Drills.module.css'
import { RampFields } from './Ramp'
import { type Step, type StepKind, another, kindOf, moved, stepKinds, turned, wrongAt } from './steps'

/** What there is to choose from. */
export interface Choices {
  targets: { group: string; items: string[] }[]
  nodes: string[]
  conditions: string[] // that a ramp may pause for
  waits: string[] // what a step may wait for
}

interface ListProps {
  steps: readonly Step[]
  set: (next: Step[]) => void
  choices: Choices
  at: string // where the list is in the document
  problems?: readonly Schemas['Mistake'][]
  all?: readonly Step[] // of the plan, where this list is at once with others
}

/** Steps in their order: added, taken out, moved and changed. */
export function StepsEditor({ steps, set, choices, at, problems, all }: ListProps) {
  const nested = !!all
  const whole = all ?? steps
  const kinds = stepKinds.filter((k) => !nested || k.key !== 'parallel')
  const change = (i: number, next: Step) => set(steps.map((s, k) => (k === i ? next : s)))
  return (
    <div>
      <ol className={css.edit} data-nested={nested || undefined}>
        {steps.map((s, i) => {
          const kind = kindOf(s)
          const wrong = wrongAt(problems, `${at}/${i}`)
          const own = wrong.filter((w) => kind !== 'parallel' || w.field !== 'parallel')
          return (
            <li key={i} aria-label={`Step ${i + 1}, ${s.name}`}>
              <Group gap="xs" justify="space-between" mb={4}>
                <Text size="sm" fw={600} className="num">{i + 1}</Text>
                <Select aria-label={`Kind of step ${i + 1}`} size="sm" value={kind} allowDeselect={false} data={kinds.map((k) => ({ value: k.key, label: k.label }))} onChange={(v) => v && v !== kind && change(i, turned(s, v as StepKind))} style={{ flex: '1 1 150px' }} />
                <TextInput aria-label={`Name of step ${i + 1}`} size="sm" value={s.name} onChange={(e) => change(i, { ...s, name: e.currentTarget.value })} error={!!own.find((w) => w.field === 'name')} spellCheck={false} style={{ flex: '10 1 110px', minWidth: 0 }} />
                <Group gap={2} wrap="nowrap">
                  <ActionIcon variant="subtle" color="gray" aria-label={`Move step ${i + 1} up`} disabled={i === 0} onClick={() => set(moved(steps, i, -1))}><IconArrowUp size={16} /></ActionIcon>
                  <ActionIcon variant="subtle" color="gray" aria-label={`Move step ${i + 1} down`} disabled={i === steps.length - 1} onClick={() => set(moved(steps, i, 1))}><IconArrowDown size={16} /></ActionIcon>
                  <ActionIcon variant="subtle" color="gray" aria-label={`Take out step ${i + 1}`} onClick={() => set(steps.filter((_, k) => k !== i))}><IconTrash size={16} /></ActionIcon>
                </Group>
              </Group>
              <Text size="xs" c="dimmed" mb={6}>{stepKinds.find((k) => k.key === kind)!.about}</Text>
              {kind === 'parallel'
                ? <StepsEditor steps={s.parallel ?? []} set={(parallel) => change(i, { ...s, parallel })} choices={choices} at={`${at}/${i}/parallel`} problems={problems} all={whole} />
                : <div className={css.fields}><Fields s={s} kind={kind} set={(next) => change(i, { ...s, ...next })} choices={choices} before={nested ? whole : steps.slice(0, i)} /></div>}
              {own.length > 0 && <ul className={css.wrong}>{own.map((w, k) => <li key={k}>{w.message}</li>)}</ul>}
            </li>
          )
        })}
      </ol>
      <Menu position="bottom-start" withinPortal shadow="md">
        <Menu.Target><Button variant="default" size="compact-sm" leftSection={<IconPlus size={14} />}>{nested ? 'Add one at once with them' : 'Add a step'}</Button></Menu.Target>
        <Menu.Dropdown>{kinds.map((k) => <Menu.Item key={k.key} onClick={() => set([...steps, another(k.key, whole)])}>{k.label}</Menu.Item>)}</Menu.Dropdown>
      </Menu>
    </div>
  )
}

/** What a step of a kind is done with, how long it may take, and what its failure means. */
function Fields({ s, kind, set, choices, before }: { s: Step; kind: StepKind; set: (next: Partial<Step>) => void; choices: Choices; before: readonly Step[] }) {
  const text = (v: string) => v || undefined
  const names = before.flatMap((b) => [b, ...(b.parallel ?? [])]).filter((b) => b.lowerTTL || b.drain || b.forceDown || b.ignoreVantage || b.silenceNode).map((b) => b.name)
  return (
    <>
      {(kind === 'drain' || kind === 'forceDown' || kind === 'lowerTTL') && <MultiSelect label="Targets" data={withOwn(choices.targets, s[kind])} value={s[kind] ?? []} onChange={(v) => set({ [kind]: v })} searchable limit={80} hidePickedOptions placeholder={s[kind]?.length ? '' : 'A region, a pool …'} className={css.widefield} />}
      {kind === 'drain' && <RampFields p={s} set={set} conditions={choices.conditions} />}
      {(kind === 'ignoreVantage' || kind === 'silenceNode') && <Select label="Node" data={choices.nodes} value={s[kind] || null} onChange={(v) => set({ [kind]: v ?? '' })} placeholder="Which node" />}
      {kind === 'restore' && <Select label="What" data={[{ value: 'all', label: 'all that was done' }, ...[...new Set(names)].map((n) => ({ value: n, label: n }))]} value={s.restore ?? null} onChange={(v) => set({ restore: v ?? 'all' })} allowDeselect={false} />}
      {kind === 'restore' && <TextInput label="Come back over" description="In even steps; empty is at once" placeholder="at once" value={s.over ?? ''} onChange={(e) => set({ over: text(e.currentTarget.value) })} />}
      {kind === 'webhook' && <TextInput label="URL" type="url" placeholder="https://ops.example.com/promote" value={s.webhook?.url ?? ''} onChange={(e) => set({ webhook: { ...s.webhook, url: e.currentTarget.value } })} className={css.widefield} />}
      {kind === 'webhook' && <TextInput label="Secret" description="The name of one" value={s.webhook?.secret?.secret ?? ''} onChange={(e) => set({ webhook: { url: '', ...s.webhook, secret: e.currentTarget.value ? { secret: e.currentTarget.value } : undefined } })} />}
      {kind === 'webhook' && <Textarea label="Body" description="JSON; empty is which step of which drill it is" value={s.webhook?.body ?? ''} onChange={(e) => set({ webhook: { url: '', ...s.webhook, body: text(e.currentTarget.value) } })} autosize minRows={1} maxRows={8} spellCheck={false} />}
      {kind === 'approvals' && <NumberInput label="How many others" min={1} max={10} value={s.approvals ?? 1} onChange={(v) => set({ approvals: Number(v) || 1 })} />}
      {kind === 'waitFor' && <Select label="Until" data={[...new Set([...choices.waits, ...(s.waitFor ? [s.waitFor] : [])])]} value={s.waitFor || null} onChange={(v) => set({ waitFor: v ?? '' })} searchable limit={80} placeholder="up:pool/NAME, signal:NAME" />}
      {kind === 'wait' && <TextInput label="For" placeholder="5m" value={s.wait ?? ''} onChange={(e) => set({ wait: e.currentTarget.value })} />}
      {kind !== 'wait' && <TextInput label="Given up after" description="1s to 24h" placeholder={kind === 'webhook' || kind === 'waitFor' ? '15m' : 'never'} value={s.timeout ?? ''} onChange={(e) => set({ timeout: text(e.currentTarget.value) })} />}
      <Select label="If it fails" data={[{ value: 'abort', label: 'take all back and end' }, { value: 'continue', label: 'go on' }]} value={s.onFailure ?? 'abort'} onChange={(v) => set({ onFailure: v === 'continue' ? 'continue' : undefined })} allowDeselect={false} />
    </>
  )
}

/** The targets there are, and those of a step that are none of them: labels, endpoints. */
const withOwn = (groups: Choices['targets'], own: readonly string[] = []) => {
  const rest = own.filter((t) => !groups.some((g) => g.items.includes(t)))
  return rest.length > 0 ? [...groups, { group: 'Others', items: rest }] : groups
}
