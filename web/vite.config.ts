import { resolve } from 'node:path'
import { defineConfig } from 'vite'

export default defineConfig({
  root: import.meta.dirname,
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: resolve(import.meta.dirname, '../dist/web'),
    emptyOutDir: true,
    // The policy of the server allows no data in an address, and no script but these files.
    assetsInlineLimit: 0,
    modulePreload: false,
    target: 'es2023',
    license: { fileName: 'third-party.txt' },
  },
  // `npx vite web` with `lineaprint ui --port 8123` beside it.
  server: { proxy: { '/api': 'http://127.0.0.1:8123' } },
})
