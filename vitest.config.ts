import { resolve } from 'node:path'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['__test__/**/*.test.ts'],
    testTimeout: 30_000,
    // Tests start programs and threads of their own; two at once fill the cores of a small machine.
    maxWorkers: 2,
    // Those that say that they may run beside others only wait.
    maxConcurrency: 16,
    // Hundreds of programs are started from the sources: Node compiles them once.
    env: { NODE_COMPILE_CACHE: resolve('node_modules/.cache/lineaprint-compile') },
  },
})
