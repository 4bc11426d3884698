import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'

// `npm run dev` speaks to a running node: MERIDIAN_ADDR, by default that of `meridian demo`.
export default defineConfig({
  plugins: [react()],
  build: {
    target: 'es2022',
    assetsInlineLimit: 0, // the content security policy has no data: URLs
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 800,
  },
  server: { proxy: { '/api': process.env.MERIDIAN_ADDR ?? 'http://127.0.0.1:8080' } },
  test: { environment: 'jsdom', include: ['src/**/*.test.{ts,tsx}'] },
})
