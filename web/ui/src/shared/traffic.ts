import type { Schemas } from '../api/client'

/** The traffic of all nodes together: each keeps its own time, so they are added from the newest back. */
export function total(stats: Schemas['Stats'], pick: (h: Schemas['TrafficInterval']) => number = (h) => h.queries): number[] {
  const longest = Math.max(0, ...stats.nodes.map((n) => n.history.length))
  return Array.from({ length: longest }, (_, i) => stats.nodes.reduce((sum, n) => { const h = n.history[n.history.length - longest + i]; return h ? sum + pick(h) : sum }, 0))
}
