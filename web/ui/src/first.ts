import { reads as overview } from './pages/overview/reads'
import { paths as services } from './pages/services/reads'

/** Pages that are looked at first: what they read, and their code. Others ask when they are drawn. */
export const first = {
  '/': { reads: overview, code: () => import('./pages/overview/Overview') },
  '/services': { reads: services, code: () => import('./pages/services/Services') },
} as const
