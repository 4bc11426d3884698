/** A count for people: 10,000. */
export const count = (n: number) => String(n).replace(/\B(?=(\d{3})+$)/g, ',')
