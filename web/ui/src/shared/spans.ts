/** Lengths of time that health is looked at over, as search parameters have them. */
export const spans = { '1h': 3_600, '6h': 21_600, '24h': 86_400, '7d': 604_800, '30d': 2_592_000, '90d': 7_776_000 } as const
export type Span = keyof typeof spans
