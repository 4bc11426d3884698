import type { Plugin } from 'vite'

interface Graph { getModuleInfo: (id: string) => { importedIds: readonly string[] } | null }

/** All that a module imports, and what that imports, but for what is loaded when it is needed. */
function reach(from: string, graph: Graph, but: (id: string) => boolean): Set<string> {
  const seen = new Set<string>()
  const todo = [from]
  for (let id = todo.pop(); id !== undefined; id = todo.pop()) {
    if (seen.has(id) || but(id)) continue
    seen.add(id)
    todo.push(...(graph.getModuleInfo(id)?.importedIds ?? []))
  }
  return seen
}

const at = (path: string) => new URL(path, import.meta.url).pathname
// Mantine's one entry leads to all of it, so that what is needed at first is named here.
const entry = /@mantine\/core\/esm\/(index|components\/index)\.mjs/
const mantine = /@mantine\/core\/esm\/(core|components\/(Alert|Anchor|Button|Center|CloseButton|Code|Group|List|Loader|Paper|Skeleton|Stack|Text|Title|Transition|UnstyledButton))\//
const map = /\/(d3-geo|d3-array|shared\/map)\/|virtual:world/
/** What runs before all else, and waits for nothing. */
export const first = /vite\/preload-helper|rolldown\/runtime|\.module\.css|\/src\/(main|first|api\/ahead|app\/scheme|pages\/[a-z]+\/reads)\.ts$/

let base: Set<string> | undefined, pages: Set<string> | undefined

/**
 * Few files: each costs a browser milliseconds before the first page is there. `base` is what every page waits for, `pages` is what most
 * pages are made of (all that the overview is, but for the map); the rest is by page.
 */
export function chunkOf(id: string, graph: Graph): string | null {
  base ??= reach(at('src/app/start.tsx'), graph, (m) => entry.test(m))
  pages ??= reach(at('src/pages/overview/Overview.tsx'), graph, (m) => map.test(m) || entry.test(m) || base!.has(m))
  if (base.has(id) || mantine.test(id)) return 'base'
  if (pages.has(id) && !id.includes('/pages/overview/')) return 'pages'
  return null
}

/** Has the browser fetch them at once: the entry, which is small, would name them only when it runs. */
export function early(): Plugin {
  return {
    name: 'early',
    transformIndexHtml: {
      order: 'post',
      handler: (_, { bundle }) => Object.values(bundle ?? {}).filter((c) => c.type === 'chunk' && (c.name === 'base' || c.name === 'pages'))
        .map((c) => ({ tag: 'link', attrs: { rel: 'modulepreload', crossorigin: '', href: `/${c.fileName}` }, injectTo: 'head' as const })),
    },
  }
}
