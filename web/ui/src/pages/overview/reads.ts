/** What the overview reads first. It imports nothing: main.ts asks for it before any other code is there. */
export const paths = ['/regions', '/services', '/pools', '/templates', '/pool-health', '/controls', '/drills', '/geo/points', '/windows', '/safety', '/stats'] as const
export const reads = [...paths, '/answers', '/revisions?limit=40', '/health?state=degraded%2Cdown%2Cunknown&limit=100'] as const
