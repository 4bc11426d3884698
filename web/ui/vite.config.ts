import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'

import { chunkOf, early, first } from './chunks'
import { mantine, themeCss } from './mantine'
import { world } from './world'

// Licenses of what is bundled, in a file whose name has a hash like all others.
const lock = createHash('sha256').update(readFileSync(new URL('package-lock.json', import.meta.url))).digest('hex').slice(0, 8)
const licenses = `assets/licenses-${lock}.txt`

// `npm run dev` and `npx vite preview` speak to a running node: MERIDIAN_ADDR, by default that of `meridian demo`.
const proxy = { '/api': process.env.MERIDIAN_ADDR ?? 'http://127.0.0.1:8080' }

// The policy of ../ui.go, so that a preview breaks where the binary would. There the nonce is another one for each load.
const policy = "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-__NONCE__'; connect-src 'self'; img-src 'self'; font-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"

export default defineConfig({
  plugins: [react(), world(), mantine(), themeCss(), early()],
  define: { 'import.meta.env.LICENSES': JSON.stringify('/' + licenses) },
  build: {
    target: 'es2022',
    license: { fileName: licenses },
    assetsInlineLimit: 0, // the content security policy has no data: URLs
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 800,
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: 'first', test: first, priority: 1 }, { name: chunkOf }] } } },
  },
  server: { proxy },
  preview: { proxy, headers: { 'Content-Security-Policy': policy } },
  test: { environment: 'jsdom', include: ['src/**/*.test.{ts,tsx}'] },
})
