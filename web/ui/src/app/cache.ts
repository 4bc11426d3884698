import { QueryClient } from '@tanstack/react-query'

import { onLoggedOut } from '../api/client'
import { problemOf } from '../api/problem'

/** All that was read, by path and parameters. */
export const cache = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      refetchOnWindowFocus: true,
      retry: (count, err) => count < 2 && [0, 429, 503].includes(problemOf(err).status),
    },
  },
})
onLoggedOut(() => void cache.invalidateQueries({ queryKey: ['/session'] }))
