import { useState } from 'react'

/** What a box does when it is confirmed: it stays open with what went wrong, and closes when it went well. */
export function useRun(run: (reason: string) => Promise<unknown>, done: () => void) {
  const [why, setWhy] = useState('')
  const [error, setError] = useState<unknown>()
  const [busy, setBusy] = useState(false)
  const go = async () => {
    setBusy(true)
    setError(undefined)
    try {
      await run(why.trim())
      setWhy('')
      done()
    } catch (err) {
      setError(err)
    } finally {
      setBusy(false)
    }
  }
  return { why, setWhy, error, setError, busy, go }
}
