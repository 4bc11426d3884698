import { type ComponentType, type ReactNode, useEffect, useReducer } from 'react'

/**
 * A component whose code comes when it is first drawn, or earlier by `ask`; until then `before` stands there. Where it cannot be had,
 * since no node answers, that stays, and the next one that is drawn asks again.
 */
export function later<P extends object>(load: () => Promise<{ default: ComponentType<P> }>, before: (props: P) => ReactNode = () => null) {
  let Got: ComponentType<P> | undefined
  const ask = () => load().then((m) => { Got = m.default }, () => undefined)
  function Later(props: P) {
    const [, drawAgain] = useReducer((n: number) => n + 1, 0)
    useEffect(() => { if (!Got) void ask().then(drawAgain) }, [])
    return Got ? <Got {...props} /> : before(props)
  }
  return Object.assign(Later, { ask })
}
