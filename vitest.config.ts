import { resolve } from 'node:path'
import { defineConfig } from 'vitest/config'

/** Folders whose tests are not of single sources. */
const WHOLE = '__test__/{e2e,package,soak,frameworks}/**'

/** Every test is of one of these projects. `npm run test:unit` runs the first two, `npm test` the first four. */
export const PROJECTS = {
  /** Needs the addon, and nothing else. One process runs many files, and loads the sources once. */
  unit: {
    include: ['__test__/**/*.test.ts'],
    exclude: [WHOLE, '**/*.peers.test.ts', '**/*.mocked.test.ts'],
    isolate: false,
    setupFiles: ['__test__/support/shared-process.ts'],
  },
  /** Replaces modules by others: each file needs a process of its own. */
  mocked: { include: ['__test__/**/*.mocked.test.ts'], exclude: [WHOLE] },
  /** Runs the program, or what is published. */
  e2e: { include: ['__test__/{e2e,package,soak}/**/*.test.ts'], exclude: [] },
  /** Needs programs of others, which scripts/setup-*.sh put into .peers. */
  peers: { include: ['__test__/**/*.peers.test.ts'], exclude: [WHOLE] },
  /** Needs what scripts/setup-frameworks.sh installs; `npm run test:frameworks` runs these alone. */
  frameworks: { include: ['__test__/frameworks/**/*.test.ts'], exclude: [] },
}

// What the machine sets for the libraries of numbers would be in the environments that tests compare.
for (const name of Object.keys(process.env))
  if (/^(?:BLIS|MKL|NUMEXPR|OMP|OPENBLAS|VECLIB)_/.test(name)) delete process.env[name]

export default defineConfig({
  test: {
    projects: Object.entries(PROJECTS).map(([name, files]) => ({ extends: true, test: { name, ...files } })),
    globalSetup: ['__test__/support/nothing-left.ts'],
    setupFiles: ['__test__/support/kept-folders-removed.ts'],
    testTimeout: 30_000,
    // A second, which is usual, is little on a machine that is busy.
    expect: { poll: { timeout: 20_000 } },
    // A failure shows the whole value: a log may be all that is left of it.
    chaiConfig: { truncateThreshold: 0 },
    // Tests start programs and threads of their own; two at once fill the cores of a small machine. `npm run test:unit`
    // has four, because single functions wait for programs, and for servers that do not answer, a third of the time.
    maxWorkers: 2,
    // Those that say that they may run beside others only wait.
    maxConcurrency: 16,
    env: {
      // Hundreds of programs are started from the sources: Node compiles them once.
      NODE_COMPILE_CACHE: resolve('node_modules/.cache/lineaprint-compile'),
      // Where it is set, `print` writes a line in pieces, and the lines of processes that share an output are mixed.
      PYTHONUNBUFFERED: '',
      // The list of runs that were made here.
      XDG_STATE_HOME: resolve('node_modules/.cache/lineaprint-state'),
    },
  },
})
