import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

import type { Plugin } from 'vite'

const classes = (text: string) => new Set(text.match(/\bm_[0-9a-f]{6,8}\b/g))

/** Fails the build when a component that is bundled has styles which src/app/mantine.css does not import. */
export function mantine(): Plugin {
  return {
    name: 'mantine-styles',
    apply: 'build',
    generateBundle(_, bundle) {
      const all = readFileSync(createRequire(import.meta.url).resolve('@mantine/core/styles.css'), 'utf8')
      const styled = classes(all)
      const files = Object.values(bundle)
      const have = classes(files.flatMap((f) => (f.type === 'asset' && f.fileName.endsWith('.css') ? [String(f.source)] : [])).join('\n'))
      const missing = new Set<string>()
      for (const f of files) {
        if (f.type !== 'chunk') continue
        for (const [id, m] of Object.entries(f.modules)) for (const c of classes(m.code ?? '')) if (styled.has(c) && !have.has(c)) missing.add(id.replace(/.*\//, ''))
      }
      if (missing.size) this.error(`src/app/mantine.css imports no styles for ${[...missing].join(', ')}`)
    },
  }
}
