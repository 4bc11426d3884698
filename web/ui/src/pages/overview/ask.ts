import { get } from '../../api/queries'

/** The answers of the world over all services, or of one. */
export const answersQuery = (service?: string) => get('/answers', { params: { query: service ? { service } : {} } })

export const latestQuery = get('/revisions', { params: { query: { limit: 40 } } })
