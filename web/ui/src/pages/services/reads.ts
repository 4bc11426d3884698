/** What the list of services reads. It imports nothing: main.ts asks for it before any other code is there. */
export const paths = ['/services', '/templates', '/pool-health'] as const
