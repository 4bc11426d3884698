import { get } from '../../api/queries'

/** The answers of the world over all services, or of one. */
export const answersQuery = (service?: string) => get('/answers', { params: { query: service ? { service } : {} } })

/** What is not as it should be of the endpoints, as far as a page can tell of it. */
export const wrongQuery = get('/health', { params: { query: { state: 'degraded,down,unknown', limit: 100 } } })

export const latestQuery = get('/revisions', { params: { query: { limit: 40 } } })
