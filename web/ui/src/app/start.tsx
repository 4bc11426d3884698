import { MantineProvider, localStorageColorSchemeManager } from '@mantine/core'
import { QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { setNonce } from 'get-nonce'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'

import { sessionQuery } from '../api/guard'
import { router } from '../router'
import { cache } from './cache'
import { schemeKey } from './scheme'
import { theme } from './theme'

// The page's policy takes only styles that carry the nonce of this very load.
const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.nonce ?? ''
setNonce(nonce)

export async function start() {
  await Promise.all([cache.prefetchQuery(sessionQuery), router.load()])
  createRoot(document.getElementById('root')!).render(
    <StrictMode>
      <MantineProvider theme={theme} withCssVariables={false} withGlobalClasses={false} defaultColorScheme="auto" colorSchemeManager={localStorageColorSchemeManager({ key: schemeKey })} getStyleNonce={() => nonce}>
        <QueryClientProvider client={cache}>
          <RouterProvider router={router} />
        </QueryClientProvider>
      </MantineProvider>
    </StrictMode>,
  )
}
