import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['__test__/**/*.test.ts'],
    testTimeout: 30_000,
    // Tests start programs and threads of their own; two at once fill the cores of a small machine.
    maxWorkers: 2,
  },
})
