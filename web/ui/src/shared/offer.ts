export interface Choices { group: string; items: string[] }

const most = 80

/** Of many choices those that a list offers for what was typed, and those that are chosen: a list of ten thousand takes most of a second to open. */
export function offer(groups: readonly Choices[], typed: string, chosen: readonly string[] = []): Choices[] {
  const words = typed.trim().toLowerCase()
  const kept = new Set(chosen)
  let left = most
  return groups.flatMap(({ group, items }) => {
    const shown = items.filter((t) => kept.has(t) || (left > 0 && (kept.has(typed) || t.toLowerCase().includes(words)) && left-- > 0))
    return shown.length > 0 ? [{ group, items: shown }] : []
  })
}
