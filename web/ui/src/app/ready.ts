import type { QueryClient, QueryKey, QueryOptions } from '@tanstack/react-query'

import { sessionQuery } from '../api/guard'

const patience = 600 // ms; then a page is drawn with what is there

/** The loader of a page that is drawn once, when all that it shows has come, sooner than anew with each answer. */
export const ready = (...shown: { queryKey: QueryKey }[]) => async ({ context: { queries } }: { context: { queries: QueryClient } }) => {
  if (!(await queries.ensureQueryData(sessionQuery).catch(() => undefined))) return
  const all = Promise.allSettled(shown.map((q) => queries.ensureQueryData(q as QueryOptions & { queryKey: QueryKey })))
  await Promise.race([all, new Promise((over) => setTimeout(over, patience))])
}
