export interface Told { text: string; fresh: boolean }

const dropped = /^(.* drops )(endpoint\/[^:]*\/([^/:]+)): (.*)$/

/** Reasons of an answer, where what is said of many endpoints of a pool alike is said once. Those that are not in known are fresh. */
export function told(reasons: readonly string[], known?: ReadonlySet<string>): Told[] {
  const list: (Told & { like?: string; names: string[] })[] = []
  for (const text of reasons) {
    const m = dropped.exec(text)
    const like = m ? `${m[1]}\n${m[4]}` : undefined
    const fresh = known !== undefined && !known.has(text)
    const last = list.at(-1)
    if (m && last && last.like === like && last.fresh === fresh) {
      last.names.push(m[3]!)
      last.text = `${m[1]}${last.names.length} endpoints, ${last.names.length > 6 ? `${last.names.slice(0, 3).join(', ')} to ${last.names.at(-1)}` : last.names.join(', ')}: ${m[4]}`
    } else list.push({ text, fresh, like, names: m ? [m[3]!] : [] })
  }
  return list
}
