import { MantineProvider, localStorageColorSchemeManager } from '@mantine/core'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { setNonce } from 'get-nonce'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'

import { onLoggedOut } from './api/client'
import { sessionQuery } from './api/guard'
import { problemOf } from './api/problem'
import './app/mantine.css'
import { theme } from './app/theme'
import './app/theme.css'
import { router } from './router'

// The page's policy takes only styles that carry the nonce of this very load.
const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.nonce ?? ''
setNonce(nonce)

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      refetchOnWindowFocus: true,
      retry: (count, err) => count < 2 && [0, 429, 503].includes(problemOf(err).status),
    },
  },
})
onLoggedOut(() => void queries.invalidateQueries({ queryKey: ['/session'] }))

async function start() {
  router.update({ context: { queries } })
  await Promise.all([queries.prefetchQuery(sessionQuery), router.load()])
  createRoot(document.getElementById('root')!).render(
    <StrictMode>
      <MantineProvider theme={theme} defaultColorScheme="auto" colorSchemeManager={localStorageColorSchemeManager({ key: 'meridian-scheme' })} getStyleNonce={() => nonce}>
        <QueryClientProvider client={queries}>
          <RouterProvider router={router} />
        </QueryClientProvider>
      </MantineProvider>
    </StrictMode>,
  )
}

void start() // not awaited here: a module that waits is split from all that others need of it
