/** What is switched off does nothing: no program is started, and no file is looked at. */
import { spawn } from 'node:child_process'
import { open, readFile, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { runProgram } from '../../src/subprocess/run.ts'
import { readListedDataset } from '../../src/dataset/read.ts'
import { ExperimentTracker } from '../../src/tracking/tracker.ts'
import { readModel } from '../../src/model/read.ts'
import { readTokenizer } from '../../src/model/tokenizer.ts'
import { folderOf } from '../support/folder.ts'
import { floats, safetensors } from '../support/safetensors.ts'
import type { ExperimentOptions } from '../../src/config/options.ts'
import type { ExperimentSummary } from '../../src/tracking/summary.ts'

/** The same functions, with a note of every call. */
function watched<T extends object>(original: T, names: readonly (keyof T)[]): T {
  const spied = names.map((name) => [
    name,
    vi.fn<(...args: unknown[]) => unknown>(original[name] as (...args: unknown[]) => unknown),
  ])
  return { ...original, ...Object.fromEntries(spied) }
}

vi.mock('node:child_process', async (load) => {
  const original = await load<typeof import('node:child_process')>()
  return watched(original, ['spawn'])
})
vi.mock('../../src/subprocess/run.ts', async (load) =>
  watched(await load<typeof import('../../src/subprocess/run.ts')>(), ['runProgram']),
)
vi.mock('node:fs/promises', async (load) => {
  const original = await load<typeof import('node:fs/promises')>()
  return watched(original, ['open', 'readFile', 'readdir', 'stat'])
})
vi.mock('../../src/dataset/read.ts', async (load) =>
  watched(await load<typeof import('../../src/dataset/read.ts')>(), ['readListedDataset']),
)
vi.mock('../../src/model/read.ts', async (load) =>
  watched(await load<typeof import('../../src/model/read.ts')>(), ['readModel']),
)
vi.mock('../../src/model/tokenizer.ts', async (load) =>
  watched(await load<typeof import('../../src/model/tokenizer.ts')>(), ['readTokenizer']),
)

afterEach(() => void vi.clearAllMocks())

const OFF: ExperimentOptions = {
  enableDatasetTracking: false,
  enableModelTracking: false,
  enableEnvironmentTracking: false,
  enableGitTracking: false,
  enableSeedTracking: false,
}

async function run(root: string, options: ExperimentOptions): Promise<ExperimentSummary> {
  const tracker = new ExperimentTracker(
    { outputDir: join(root, 'store'), ...OFF, ...options },
    { directory: root, environment: {} },
  )
  await tracker.startExperiment()
  await tracker.trackDataset('data', 'data')
  await tracker.trackModel('model', 'model')
  await tracker.trackTokenizer('model', 'tokenizer')
  await tracker.setSeeds(1)
  return tracker.finishExperiment()
}

const FILES = {
  'data/a.csv': '1\n',
  'model/model.safetensors': safetensors({ w: floats([1]) }),
  'model/vocab.txt': 'a\n',
}

/** Programs that were started: by the captures, or by Node itself. */
const programs = (): string[] =>
  [...vi.mocked(runProgram).mock.calls, ...vi.mocked(spawn).mock.calls].map(([program]) => program)

/** Paths of inputs that were looked at. */
function looks(root: string): string[] {
  const calls = [open, readFile, readdir, stat].flatMap((one) =>
    vi.mocked(one).mock.calls.map(([path]) => (typeof path === 'string' ? path : '')),
  )
  return calls.filter((path) => path.startsWith(join(root, 'data')) || path.startsWith(join(root, 'model')))
}

test('everything off: no program, no look at an input', async () => {
  const root = folderOf(FILES)
  const summary = await run(root, {})
  expect(programs()).toEqual([])
  expect(looks(root)).toEqual([])
  for (const one of [readListedDataset, readModel, readTokenizer]) expect(one).not.toHaveBeenCalled()
  expect(summary.captures).toEqual({ environment: null, git: null, seeds: null })
  expect(summary.datasets).toEqual({ data: null })
})

test('each by itself, and no other', { timeout: 60_000 }, async () => {
  const root = folderOf(FILES)
  await run(root, { enableGitTracking: true })
  expect(new Set(programs())).toEqual(new Set(['git']))
  vi.clearAllMocks()
  await run(root, { enableEnvironmentTracking: true })
  expect(programs().length).toBeGreaterThan(0)
  expect(programs()).not.toContain('git')
  expect(looks(root)).toEqual([])
  vi.clearAllMocks()
  await run(root, { enableDatasetTracking: true })
  expect(programs()).toEqual([])
  expect(readListedDataset).toHaveBeenCalledTimes(1)
  expect(readModel).not.toHaveBeenCalled()
  expect(looks(root).every((path) => path.startsWith(join(root, 'data')))).toBe(true)
  vi.clearAllMocks()
  await run(root, { enableModelTracking: true })
  expect(readListedDataset).not.toHaveBeenCalled()
  expect(readModel).toHaveBeenCalledTimes(1)
  expect(readTokenizer).toHaveBeenCalled()
})
