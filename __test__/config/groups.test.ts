import {
  appendFileSync,
  chmodSync,
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { resolveConfiguration } from '../../src/config/sources.ts'
import { checkOptions, recordedConfiguration } from '../../src/config/options.ts'
import { ExperimentTracker } from '../../src/tracking/tracker.ts'
import { verifyRun } from '../../src/verify/verify.ts'
import { readRun } from '../../src/store/runs.ts'
import { listAt, objectAt, gitInTurn } from '../capture/fixture.ts'
import { folderOf, paint } from '../support/folder.ts'
import { floats, safetensors } from '../support/safetensors.ts'
import { NO_CAPTURES, finished, inRun } from '../tracking/support.ts'
import type { Configuration, ExperimentOptions } from '../../src/config/options.ts'
import type { JsonObject } from '../../src/core/json-value.ts'
import type { StoredRun } from '../../src/store/runs.ts'

function recorded(configuration: JsonObject): Configuration {
  return recordedConfiguration({ configuration, command: { workingDirectory: '/work' } })
}

/** Write one byte of a file. */
function writeAt(path: string, position: number, byte: number): void {
  const file = openSync(path, 'r+')
  writeSync(file, Uint8Array.of(byte), 0, 1, position)
  closeSync(file)
}

/** A run in a folder with some captures, and what a capture of it found. */
async function captured(
  root: string,
  name: 'environment' | 'git',
  options: ExperimentOptions,
): Promise<{ run: StoredRun; value: JsonObject }> {
  const on = name === 'git' ? { enableGitTracking: true } : { enableEnvironmentTracking: true }
  const tracker = new ExperimentTracker(
    { outputDir: root, ...NO_CAPTURES, ...on, ...options },
    { directory: root, environment: {} },
  )
  await tracker.startExperiment()
  await tracker.finishExperiment()
  const run = await readRun(tracker.runDirectory)
  const capture = run.record.captures[name]
  if (capture?.status !== 'captured') throw new Error(`${name} was not captured`)
  return { run, value: capture.value }
}

describe('options', () => {
  test('key by key the last source wins', async () => {
    const file = { environment: { packages: false, timeoutMs: 100 }, datasets: { sample: { count: 5 } } }
    const configuration = await resolveConfiguration(
      { environment: { timeoutMs: 300 } },
      {
        directory: folderOf({ 'lineaprint.config.json': JSON.stringify(file) }),
        environment: { LINEAPRINT_ENVIRONMENT: '{"variables":["MODE"],"timeoutMs":200}' },
      },
    )
    expect(configuration.environment).toEqual({ variables: ['MODE'], packages: false, timeoutMs: 300 })
    expect(configuration.datasets).toEqual({
      sample: { count: 5 },
      tables: true,
      statistics: true,
      leaks: false,
      files: true,
    })
    expect(Object.isFrozen(configuration.environment)).toBe(true)
    expect(Object.isFrozen(configuration.datasets.sample)).toBe(true)
  })

  test.each<[object, Record<string, unknown>]>([
    [{ environment: { timeout: 1 } }, { field: 'environment.timeout', hint: 'did you mean timeoutMs?' }],
    [{ environment: { timeoutMs: 0 } }, { field: 'environment.timeoutMs', expected: 'at least 1' }],
    [{ environment: { packages: 'no' } }, { field: 'environment.packages', expected: 'boolean' }],
    [{ environment: [] }, { field: 'environment' }],
    [{ environment: { variables: ['A B'] } }, { field: 'environment.variables.0', received: '"A B"' }],
    [{ environment: { variables: ['MY_API_KEY'] } }, { field: 'environment.variables' }],
    [{ git: { patchLimit: -1 } }, { field: 'git.patchLimit' }],
    [{ git: { bundles: true } }, { field: 'git.bundles' }],
    [{ seeds: { deterministic: 1 } }, { field: 'seeds.deterministic' }],
    [{ datasets: { sample: {} } }, { field: 'datasets.sample', expected: 'either count or share' }],
    [{ datasets: { sample: { count: 5, seeds: 1 } } }, { field: 'datasets.sample.seeds' }],
    [{ models: { sample: { share: 2 } } }, { field: 'models.sample.share' }],
    [{ models: { sample: 0.1 } }, { field: 'models.sample' }],
  ])('%j is refused', (options, error) => {
    const check = (): unknown => checkOptions({ label: 'here', options: { ...options }, folder: '/' })
    expect(check).toThrow(
      expect.objectContaining({ code: 'ERR_LINEAPRINT_CONFIGURATION', path: 'here', ...error }),
    )
  })

  test('of a record each key is taken that is understood', () => {
    const environment = { variables: ['MODE'], packages: false, timeoutMs: 'soon', later: 1 }
    expect(recorded({ environment, git: 7, models: null })).toMatchObject({
      environment: { variables: ['MODE'], packages: false, timeoutMs: 5000 },
      git: { patchLimit: 256 << 20 },
      models: { tensors: true },
    })
    expect(recorded({ environment: { variables: ['API_TOKEN'] } }).environment.variables).toEqual([])
  })

  test('they are in the record, as JSON has them', async () => {
    const sample = { strategy: 'random', count: 5, seed: 2n ** 60n } as const
    const { record } = await finished(folderOf(), { datasets: { sample }, environment: { packages: false } })
    expect(record.configuration).toMatchObject({
      datasets: { sample: { strategy: 'random', count: 5, seed: '1152921504606846976' } },
      environment: { variables: [], packages: false, timeoutMs: 5000 },
    })
  })
})

describe('environment', () => {
  test('a variable that is named counts, then and later', { timeout: 60_000 }, async () => {
    vi.stubEnv('LEARNING_MODE', 'fast')
    const root = folderOf()
    const { run, value } = await captured(root, 'environment', {
      environment: { variables: ['LEARNING_MODE', 'UNSET_ONE'], packages: false },
    })
    expect(objectAt(objectAt(value, 'variables'), 'hashed')).toMatchObject({ LEARNING_MODE: 'fast' })
    expect((await verifyRun(run, { directory: root })).same).toBe(true)
    vi.stubEnv('LEARNING_MODE', 'slow')
    vi.stubEnv('UNSET_ONE', 'set')
    const { items, same } = await verifyRun(run, { directory: root })
    expect(same).toBe(false)
    expect(items.flatMap(({ differences }) => differences.map(({ field }) => field))).toEqual([
      'variables.LEARNING_MODE',
      'variables.UNSET_ONE',
    ])
    vi.unstubAllEnvs()
  })

  test(
    'without packages none is listed, and lock files are read all the same',
    { timeout: 60_000 },
    async () => {
      const root = folderOf({
        'package.json': '{"name":"p","version":"1.0.0"}',
        'package-lock.json': '{"lockfileVersion":3,"packages":{}}',
        'node_modules/dep/package.json': '{"name":"dep","version":"1.0.0"}',
      })
      const { value } = await captured(root, 'environment', { environment: { packages: false } })
      expect(objectAt(value, 'npm')).toMatchObject({ packages: null })
      expect(JSON.stringify(objectAt(value, 'npm'))).toContain('package-lock.json')
      // `null`, or not there where there is no Python.
      expect(objectAt(value, 'python')['packages'] ?? null).toBeNull()
      const { value: full } = await captured(root, 'environment', {})
      expect(objectAt(full, 'npm')['packages']).toEqual({ dep: ['1.0.0'] })
    },
  )

  test('a program that hangs has its time', { timeout: 60_000 }, async () => {
    const bin = folderOf({ 'nvidia-smi': '#!/bin/sh\nexec sleep 600\n' })
    chmodSync(join(bin, 'nvidia-smi'), 0o755)
    vi.stubEnv('PATH', `${bin}:${process.env['PATH'] ?? ''}`)
    const { value } = await captured(folderOf(), 'environment', {
      environment: { timeoutMs: 1500, packages: false },
    })
    vi.unstubAllEnvs()
    expect(objectAt(value, 'gpu')).toMatchObject({ status: 'absent' })
  })
})

test('git: limits of what is kept', { timeout: 60_000 }, async () => {
  const root = folderOf({ 'a.py': '1\n' })
  gitInTurn(root, ['init', '-q'], ['add', '.'], ['commit', '-qm', 'first'])
  appendFileSync(join(root, 'a.py'), '2\n')
  writeFileSync(join(root, 'new.py'), '1\n')
  const normal = await captured(root, 'git', {})
  expect(existsSync(inRun(normal.run, 'git/untracked/new.py'))).toBe(true)
  expect(existsSync(inRun(normal.run, 'git/diff.patch'))).toBe(true)
  const { run, value } = await captured(root, 'git', { git: { untrackedLimit: 0, patchLimit: 10 } })
  expect(existsSync(inRun(run, 'git'))).toBe(false)
  expect(listAt(value, 'untracked')).toMatchObject([{ path: 'new.py', kept: false }])
  expect(objectAt(value, 'patches')).toMatchObject({ diff: { status: 'absent' } })
  // What is not kept is known by its digest all the same.
  const same = async (): Promise<boolean> => (await verifyRun(run, { directory: root })).same
  expect(await same()).toBe(true)
  appendFileSync(join(root, 'new.py'), '2\n')
  expect(await same()).toBe(false)
})

describe('samples', () => {
  const BLOCK = 16_384

  test('a dataset is sampled and checked by the same plan; an output is read whole', async () => {
    const root = folderOf({ 'data.bin': paint(100 * BLOCK), 'out.bin': paint(100 * BLOCK) })
    const sample = { strategy: 'random', count: 5, seed: 2n ** 60n, above: 10 } as const
    const run = await finished(root, { datasets: { sample } }, async (tracker) => {
      await tracker.trackDataset('data.bin', 'data')
      await tracker.trackDataset(new Float32Array(1000), 'array')
      await tracker.trackOutput('out.bin', 'out')
    })
    expect(run.record.datasets['data']).toMatchObject({
      digest: expect.stringMatching(
        /^sampled\(file,random,seed=1152921504606846976,count=5,unit=bytes\/16384\)\.v1\.blake3:/,
      ) as string,
      sample: { unit: 'bytes/16384', units: 100, read: 5 },
    })
    expect(run.record.datasets['array']).toMatchObject({
      digest: expect.stringMatching(/^sampled\(tensor/) as string,
    })
    expect(run.record.outputs['out']).toMatchObject({ digest: expect.stringMatching(/^blake3:/) as string })
    const item = async (): Promise<unknown> =>
      (await verifyRun(run)).items.find(({ section, name }) => section === 'datasets' && name === 'data')
    expect(await item()).toMatchObject({ status: 'same', detail: 'a sample of it is the same' })
    // A sample cannot see what it does not read; the last unit it always reads.
    const data = join(root, 'data.bin')
    const bytes = readFileSync(data)
    const unseen = Array.from({ length: 98 }, (_, index) => index + 1)
    let missed = 0
    for (const unit of unseen) {
      writeAt(data, unit * BLOCK, bytes[unit * BLOCK]! ^ 1)
      if (((await item()) as { status: string }).status === 'same') missed++
      writeAt(data, unit * BLOCK, bytes[unit * BLOCK]!)
    }
    expect(missed).toBe(95)
    const changed = Buffer.from(bytes)
    changed[bytes.length - 1] = bytes.at(-1)! ^ 1
    writeFileSync(join(root, 'data.bin'), changed)
    expect(await item()).toMatchObject({ status: 'changed' })
  })

  test('up to the threshold everything is read, then and later', async () => {
    const root = folderOf({ 'data.bin': paint(5 * BLOCK) })
    const options = { datasets: { sample: { count: 2, above: 10 } } }
    const run = await finished(root, options, (tracker) => tracker.trackDataset('data.bin', 'data'))
    expect(run.record.datasets['data']).toMatchObject({ digest: expect.stringMatching(/^blake3:/) as string })
    expect((await verifyRun(run)).same).toBe(true)
    const bytes = readFileSync(join(root, 'data.bin'))
    bytes[2 * BLOCK] = bytes[2 * BLOCK]! ^ 1
    writeFileSync(join(root, 'data.bin'), bytes)
    expect((await verifyRun(run)).same).toBe(false)
  })

  test('a model is sampled tensor by tensor; without a list of tensors a change has no names', async () => {
    const weights = (last: number): Uint8Array =>
      safetensors({
        small: floats([1, 2]),
        large: floats(Array.from({ length: 1000 }, (_, index) => (index === 999 ? last : index))),
      })
    const root = folderOf({ 'm.safetensors': weights(1) })
    const sample = { share: '1/100', above: 10 }
    const [listed, bare] = [
      await finished(root, { models: { sample } }, (tracker) => tracker.trackModel('m.safetensors', 'm')),
      await finished(root, { models: { sample, tensors: false } }, (tracker) =>
        tracker.trackModel('m.safetensors', 'm'),
      ),
    ]
    expect(listed.record.models['m']).toMatchObject({
      weights: expect.stringMatching(
        /^sampled\(weights,strided,share=1\/100,above=10,unit=element\)/,
      ) as string,
      tensorsFile: 'models/m.tensors.json',
    })
    expect(bare.record.models['m']).not.toHaveProperty('tensorsFile')
    expect(bare.record.files.map(({ path }) => path)).toEqual(['events.jsonl'])
    for (const run of [listed, bare]) expect((await verifyRun(run)).same).toBe(true)
    writeFileSync(join(root, 'm.safetensors'), weights(2))
    const detail = async (run: StoredRun): Promise<unknown> =>
      (await verifyRun(run)).items.find(({ section }) => section === 'models')?.detail
    expect(await detail(listed)).toBe('1 of 2 tensors differ: large')
    expect(await detail(bare)).toBe('the changed tensors cannot be listed: the run has no tensor list')
  })
})

test(
  'seeds: deterministic libraries are asked for where the configuration says so',
  { timeout: 60_000 },
  async () => {
    const { record } = await finished(
      folderOf(),
      { seeds: { deterministic: true }, enableSeedTracking: true },
      async (tracker) => {
        expect((await tracker.setSeeds(1)).variables).toMatchObject({ CUBLAS_WORKSPACE_CONFIG: ':4096:8' })
        expect((await tracker.setSeeds(1, { deterministic: false })).variables).not.toHaveProperty(
          'TF_DETERMINISTIC_OPS',
        )
      },
    )
    expect(record.configuration).toMatchObject({ seeds: { deterministic: true } })
  },
)
