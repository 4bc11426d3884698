/** A count for people: 10,000. */
export const count = new Intl.NumberFormat('en').format as (n: number) => string
