import { count } from './number'
import css from './Status.module.css'

/** How a thing is, in the one set of words, colours and shapes of this UI. */
export type State = 'up' | 'degraded' | 'down' | 'drained' | 'unknown'

export const states: readonly State[] = ['up', 'degraded', 'down', 'drained', 'unknown']

/** What is to be looked at first has the lowest. */
export const urgency: Record<State, number> = { down: 0, degraded: 1, unknown: 2, drained: 3, up: 4 }

/** Colours of Okabe and Ito, which people tell apart who see colours otherwise; the dark and light variants are in theme.css. */
export const stateColor: Record<State, string> = {
  up: 'var(--m-up)', degraded: 'var(--m-degraded)', down: 'var(--m-down)', drained: 'var(--m-drained)', unknown: 'var(--m-unknown)',
}

export const stateWord: Record<State, string> = { up: 'healthy', degraded: 'degraded', down: 'down', drained: 'drained', unknown: 'unknown' }

/** The shape of a state within a box of -5 to 5, for a marker on a map too. */
export const stateShape: Record<State, string> = {
  up: 'M0-4.6A4.6 4.6 0 1 1 0 4.6A4.6 4.6 0 1 1 0-4.6Z', // disc
  degraded: 'M0-5L5 4.2H-5Z', // triangle
  down: 'M-4.6-2.2L-2.2-4.6L0-2.4L2.2-4.6L4.6-2.2L2.4 0L4.6 2.2L2.2 4.6L0 2.4L-2.2 4.6L-4.6 2.2L-2.4 0Z', // cross
  drained: 'M0-5L5 0L0 5L-5 0Z', // diamond
  unknown: 'M0-4.6A4.6 4.6 0 1 1 0 4.6A4.6 4.6 0 1 1 0-4.6ZM0-2.6A2.6 2.6 0 1 0 0 2.6A2.6 2.6 0 1 0 0-2.6Z', // ring
}

export function StateIcon({ state, size = 12 }: { state: State; size?: number }) {
  return (
    <svg width={size} height={size} viewBox="-6 -6 12 12" aria-hidden="true" style={{ flex: 'none' }}>
      <path d={stateShape[state]} fill={stateColor[state]} />
    </svg>
  )
}

/** A state by colour, shape and word. */
export function StatusBadge({ state, word, size = 'sm' }: { state: State; word?: string; size?: 'xs' | 'sm' | 'md' }) {
  return (
    <span className={css.badge} data-size={size}>
      <StateIcon state={state} size={size === 'md' ? 14 : 11} />
      <b>{word ?? stateWord[state]}</b>
    </span>
  )
}

/** The state of a whole, by how many of its parts are in each: degraded when some are down. */
export function stateOf(count: Record<State, number>): State {
  const there = states.filter((s) => count[s] > 0)
  if (there.length <= 1) return there[0] ?? 'unknown'
  if (count.up + count.degraded > 0) return there.every((s) => s === 'up' || s === 'drained') ? 'up' : 'degraded'
  return count.down > 0 ? 'down' : 'unknown'
}

/** "4/5", with its state. */
export function Ratio({ good, all, state }: { good: number; all: number; state: State }) {
  return (
    <span className={css.badge}>
      <StateIcon state={state} />
      <span className="num">{count(good)}/{count(all)}</span>
      <span className="visually-hidden">{stateWord[state]}</span>
    </span>
  )
}
