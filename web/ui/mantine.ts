import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

import { DEFAULT_THEME, convertCssVariables, defaultCssVariablesResolver, mergeMantineTheme } from '@mantine/core'
import type { Plugin } from 'vite'

import { theme } from './src/app/theme'

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

type Variables = ReturnType<typeof defaultCssVariablesResolver>

/** The variables of our theme that are not those of Mantine's own. */
function variables(): Variables {
  const all = defaultCssVariablesResolver(mergeMantineTheme(DEFAULT_THEME, theme)), usual = defaultCssVariablesResolver(DEFAULT_THEME)
  const ours = (part: keyof Variables) => Object.fromEntries(Object.entries(all[part]).filter(([name, value]) => usual[part][name] !== value))
  return { variables: ours('variables'), light: ours('light'), dark: ours('dark') }
}

/** `virtual:theme.css`: the theme as a stylesheet, which MantineProvider would make in the browser each time before the first page. */
export function themeCss(): Plugin {
  const id = '\0virtual:theme.css'
  return {
    name: 'theme-css',
    resolveId: (source) => (source === id.slice(1) ? id : undefined),
    load: (source) => (source === id ? convertCssVariables(variables())
      : source.endsWith('/MantineCssVariables.mjs') ? 'export const MantineCssVariables = () => null' : undefined),
  }
}
