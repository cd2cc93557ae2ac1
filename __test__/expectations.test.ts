/**
 * What people expect of an experiment tracker, group by group: the expectations that a Python tracker holds in its own
 * tests, said in this interface. Where lineaprint differs, it does so on purpose, and a comment says why.
 */
import { execFileSync } from 'node:child_process'
import { Socket } from 'node:net'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { parse as parseYaml } from 'yaml'
import { environmentCapture } from '../src/capture/environment/capture.ts'
import { gitCapture } from '../src/capture/git/git-capture.ts'
import {
  Generator,
  defaultGenerator,
  restoreSeeds,
  seedVariables,
  seedsCapture,
  setSeeds,
} from '../src/capture/seeds/capture.ts'
import { readDataset } from '../src/dataset/read.ts'
import { resolveConfiguration } from '../src/config/sources.ts'
import { ExperimentTracker } from '../src/tracking/tracker.ts'
import { readModel } from '../src/model/read.ts'
import { readJournal } from '../src/store/journal-read.ts'
import { readRun } from '../src/store/runs.ts'
import { git, objectAt } from './capture/fixture.ts'
import { NO_CAPTURES, finished, inRun, started } from './tracking/support.ts'
import { folderOf } from './support/folder.ts'
import { floats, safetensors } from './support/safetensors.ts'
import type { DatasetSource } from '../src/dataset/read.ts'
import type { JournalEvent } from '../src/record/events.ts'
import type { TensorToWrite } from './support/safetensors.ts'

const digestOf = async (source: DatasetSource): Promise<string> => String((await readDataset(source)).digest)

describe('configuration', () => {
  test('defaults: everything is tracked', async () => {
    const configuration = await resolveConfiguration({}, { directory: folderOf(), environment: {} })
    expect(configuration).toMatchObject({
      enableDatasetTracking: true,
      enableModelTracking: true,
      enableEnvironmentTracking: true,
      enableSeedTracking: true,
      enableGitTracking: true,
      // Differs: BLAKE3 is the default, since SHA-256 takes several times as long; `sha256` and `both` can be asked for.
      algorithm: 'blake3',
      // Differs: nothing is sent anywhere unless somebody asks for it.
      saveToWandb: false,
      saveToMlflow: false,
    })
  })

  test('an id is made, paths are text, folders are created', async () => {
    const outputDir = join(folderOf(), 'not', 'yet', 'there')
    const tracker = await started(outputDir)
    expect(tracker.id).toMatch(/^\d{8}-\d{6}-[0-9a-z]{8}$/)
    expect(statSync(tracker.runDirectory).isDirectory()).toBe(true)
    expect(tracker.runDirectory.startsWith(outputDir)).toBe(true)
    await tracker.finishExperiment()
  })
})

describe('datasets', () => {
  test('an array: kind, element type, shape, number of elements, size, digest', async () => {
    const data = Float32Array.from({ length: 12 }, (_, index) => index)
    expect(await readDataset({ data, shape: [4, 3] })).toMatchObject({
      kind: 'array',
      dtype: 'F32',
      shape: [4, 3],
      bytes: 48,
      digest: expect.objectContaining({ kind: 'tensor' }) as object,
    })
    // Differs: there are no tables in memory here. A table is a file, or one array for each column.
  })

  test('a file: absolute path, size, digest', async () => {
    const report = await readDataset(join(folderOf({ 'a.csv': 'x,y\n1,2\n' }), 'a.csv'))
    expect(report).toMatchObject({ kind: 'file', bytes: 8 })
    expect(isAbsolute(report.path ?? '')).toBe(true)
  })

  test('equal data has an equal digest under other names', async () => {
    const root = folderOf({ 'a.csv': '1\n', 'b.csv': '1\n' })
    const { record } = await finished(root, {}, async (tracker) => {
      await tracker.trackDataset('a.csv', 'one')
      await tracker.trackDataset('b.csv', 'two')
    })
    const [one, two] = [record.datasets['one'], record.datasets['two']].map((entry) =>
      entry?.status === 'tracked' ? entry['digest'] : undefined,
    )
    expect(one).toBeDefined()
    expect(one).toBe(two)
  })

  test('nothing, and one element', async () => {
    const root = folderOf({ empty: '' })
    expect(await readDataset(new Float64Array(0))).toMatchObject({ shape: [0], bytes: 0 })
    expect(await readDataset(Float64Array.of(1))).toMatchObject({ shape: [1], bytes: 8 })
    expect(await readDataset(join(root, 'empty'))).toMatchObject({ bytes: 0 })
  })

  test(
    'ten million elements, and fifty thousand rows, have the same digest again',
    { timeout: 60_000 },
    async () => {
      const large = new Float32Array(10_000_000).fill(0.5)
      expect(await digestOf(large)).toBe(await digestOf(large.slice()))
      const rows = Array.from({ length: 50_000 }, (_, row) => `${row},${row % 7}\n`).join('')
      expect(await digestOf(join(folderOf({ rows }), 'rows'))).toBe(
        await digestOf(join(folderOf({ rows }), 'rows')),
      )
    },
  )

  test('NaN and infinities are values like others', async () => {
    const values = [NaN, Infinity, -Infinity, -0]
    expect(await digestOf(Float64Array.from(values))).toBe(await digestOf(Float64Array.from(values)))
    // Differs: the bits count, so -0 is not 0.
    expect(await digestOf(Float64Array.of(0))).not.toBe(await digestOf(Float64Array.of(-0)))
  })

  test('a nested folder: files and folders are counted apart', async () => {
    const files = { 'a.txt': '1', 'b/c.txt': '2', 'b/d/e.txt': '3', 'f/g.txt': '4', 'f/h.txt': '5' }
    const report = await readDataset(folderOf(files))
    // Differs: there it is one number, 8, of 5 files and 3 folders; here the folder itself counts as well.
    expect(report).toMatchObject({ kind: 'folder', files: 5, folders: 4 })
    expect(await digestOf(folderOf(files))).toBe(String(report.digest))
  })

  test('lists that differ have digests that differ', async () => {
    expect(await digestOf(Int32Array.of(1, 2, 3))).not.toBe(await digestOf(Int32Array.of(1, 2, 4)))
  })
})

describe('models', () => {
  const modelFile = (tensors: Readonly<Record<string, TensorToWrite>>): string =>
    join(folderOf({ 'm.safetensors': safetensors(tensors) }), 'm.safetensors')

  test('format, counts, size, and every tensor', async () => {
    // Differs: a model is its file and no living object, so there are tensors and no layers.
    const path = modelFile({ 'a.weight': floats([1, 2, 3, 4], [2, 2]), 'a.bias': floats([1, 2]) })
    const report = await readModel(path)
    expect(report).toMatchObject({ format: 'safetensors', tensorCount: 2, parameters: 6, bytes: 24 })
    expect(report.tensors.map(({ name, dtype, shape }) => [name, dtype, shape])).toEqual([
      ['a.bias', 'F32', [2]],
      ['a.weight', 'F32', [2, 2]],
    ])
  })

  test('an equal architecture has an equal digest; four of them have four', async () => {
    const architectures = [
      { w: floats([1, 2, 3, 4], [2, 2]) },
      { w: floats([1, 2, 3, 4], [4, 1]) },
      { w: floats([1, 2, 3, 4]), b: floats([1]) },
      { v: floats([1, 2, 3, 4]) },
    ]
    const reports = await Promise.all(architectures.map((tensors) => readModel(modelFile(tensors))))
    expect(new Set(reports.map(({ architecture }) => String(architecture))).size).toBe(4)
    expect(new Set(reports.map(({ weights }) => String(weights))).size).toBe(4)
    const trained = await readModel(modelFile({ w: floats([5, 6, 7, 8], [2, 2]) }))
    expect(String(trained.architecture)).toBe(String(reports[0]?.architecture))
    expect(String(trained.weights)).not.toBe(String(reports[0]?.weights))
  })

  test('the structure is written beside the record', async () => {
    const path = modelFile({ w: floats([1]) })
    const run = await finished(folderOf(), {}, (tracker) => tracker.trackModel(path, 'net'))
    // Differs: a list of tensors with their digests in the place of a printed text.
    expect(readFileSync(inRun(run, 'models/net.tensors.json'), 'utf8')).toContain('"name":"w","dtype":"F32"')
  })
})

test(
  'environment: Python, packages, system, and one digest of all',
  { timeout: 60_000 },
  async ({ skip }) => {
    const found = await environmentCapture.capture({ directory: process.cwd(), algorithm: 'blake3' })
    expect(found.digest).toMatch(/^environment\.v1\.blake3:[0-9a-f]{64}$/)
    // Differs: the time stands in the record of the run, and is no part of what is compared.
    expect(objectAt(found.value, 'system')).toMatchObject({ status: 'present', platform: process.platform })
    expect(objectAt(found.value, 'node')).toMatchObject({ version: process.versions.node })
    const python = objectAt(found.value, 'python')
    if (python['status'] !== 'present') skip('there is no Python on this machine')
    // Differs: frameworks are packages like others.
    expect(Object.keys(python)).toEqual(
      expect.arrayContaining(['version', 'implementation', 'executable', 'packages']),
    )
  },
)

describe('seeds', () => {
  test('a seed is recorded with the state of the generator, and one digest', async () => {
    setSeeds(42)
    const { value, digest } = await seedsCapture.capture({ directory: '/', algorithm: 'blake3' })
    expect(digest).toMatch(/^seeds\.v1\.blake3:/)
    expect(value).toMatchObject({
      seed: 42,
      generators: { default: { algorithm: 'xoroshiro128plus', seed: 42 } },
    })
  })

  test('42 is reported for every generator, with what it does not reach', () => {
    const { seed, targets } = setSeeds(42)
    expect(seed).toBe(42)
    const status = Object.fromEntries(targets.map((target) => [target.name, target.status]))
    // Differs: what a running process cannot seed is said, and not claimed.
    expect(status).toMatchObject({
      lineaprint: 'seeded',
      'Math.random': 'unreachable',
      'Python random': 'through-variables',
      'Python numpy': 'through-variables',
      'Python torch': 'through-variables',
    })
  })

  test('save, draw, load: the same draws, in a new generator too', async () => {
    setSeeds(42)
    defaultGenerator().next()
    const { value } = await seedsCapture.capture({ directory: '/', algorithm: 'blake3' })
    const draws = [1, 2, 3].map(() => defaultGenerator().next())
    restoreSeeds(JSON.parse(JSON.stringify(value)) as typeof value)
    expect([1, 2, 3].map(() => defaultGenerator().next())).toEqual(draws)
    const fresh = Generator.restore(objectAt(objectAt(value, 'generators'), 'default'))
    expect([1, 2, 3].map(() => fresh.next())).toEqual(draws)
  })

  test('corrupt JSON, a missing file and a missing field each have their own error', async () => {
    const root = folderOf({ 'corrupt/run.json': '{"schema":', 'none/other': '' })
    await expect(readRun(join(root, 'corrupt'))).rejects.toThrow(/cannot be read as JSON/)
    await expect(readRun(join(root, 'none'))).rejects.toThrow(/the record of the run is missing/)
    const { state: _, ...rest } = new Generator(1).state()
    expect(() => Generator.restore(rest)).toThrow(expect.objectContaining({ code: 'ERR_LINEAPRINT_RECORD' }))
    expect(() => Generator.restore({ ...rest, state: 'x' })).toThrow(
      expect.objectContaining({ code: 'ERR_LINEAPRINT_FORMAT' }),
    )
  })

  test('deterministic libraries can be asked for, and PYTHONHASHSEED is told before the start', () => {
    expect(seedVariables(42, { deterministic: true })).toMatchObject({
      PYTHONHASHSEED: '42',
      CUBLAS_WORKSPACE_CONFIG: ':4096:8',
      TF_DETERMINISTIC_OPS: '1',
    })
  })
})

test('git: commit, short commit, message and branch; whether there is a repository is a boolean', async () => {
  const root = folderOf({ a: '1' })
  const look = async (directory: string): Promise<object> =>
    (await gitCapture.capture({ directory, algorithm: 'blake3' })).value
  expect(await look(folderOf())).toMatchObject({ available: false })
  git(root, 'init', '-q', '-b', 'main')
  git(root, 'add', '.')
  git(root, 'commit', '-qm', 'the message')
  const commit = git(root, 'rev-parse', 'HEAD').trim()
  const value = (await look(root)) as { shortCommit: string }
  expect(value).toMatchObject({ available: true, commit, message: 'the message', branch: 'main' })
  expect(commit.startsWith(value.shortCommit)).toBe(true)
})

describe('the tracker', () => {
  test('lifecycle', async () => {
    const tracker = new ExperimentTracker(NO_CAPTURES, { directory: folderOf(), environment: {} })
    expect(tracker.isRunning).toBe(false)
    await tracker.startExperiment()
    expect(tracker.isRunning).toBe(true)
    const summary = await tracker.finishExperiment()
    expect(tracker.isRunning).toBe(false)
    expect(summary).toMatchObject({ status: 'finished', failure: null })
    expect(summary.seal).toMatch(/^run\.v1\.blake3:/)
  })

  test('the copies under the name and in the run say the same as the record', async () => {
    const root = folderOf()
    const options = { experimentName: 'trial', saveToJson: true, saveToYaml: true }
    const run = await finished(root, options, (tracker) => tracker.logMetric('loss', 0.5))
    const latest = (format: string): string => join(root, '.lineaprint', `trial_latest.${format}`)
    for (const [format, read] of [
      ['json', JSON.parse],
      ['yaml', parseYaml],
    ] as const) {
      const [one, other] = [latest(format), inRun(run, `experiment.${format}`)].map((path) =>
        readFileSync(path, 'utf8'),
      )
      expect(one).toBe(other)
      expect((read as (text: string) => { id: string })(one ?? '').id).toBe(run.id)
    }
    expect(JSON.parse(readFileSync(latest('json'), 'utf8'))).toEqual(run.record)
  })

  test('counts, tags, and the keys of metadata in their order', async () => {
    const root = folderOf({ d: '1' })
    const tracker = await started(root, { tags: ['a'], metadata: { z: 1 } })
    await tracker.trackDataset('d', 'd')
    tracker.addTags('b', 'a')
    tracker.addMetadata('y', 2)
    tracker.addMetadata({ x: 3, z: 4 })
    const { tags, metadataKeys, datasets, models } = await tracker.finishExperiment()
    expect(tags).toEqual(['a', 'b'])
    expect(metadataKeys).toEqual(['z', 'y', 'x'])
    expect([Object.keys(datasets).length, Object.keys(models).length]).toEqual([1, 0])
  })

  test('metrics are appended, persisted, and keep step and time', async () => {
    const time = new Date('2026-01-02T03:04:05.678Z')
    const run = await finished(folderOf(), {}, (tracker) => {
      tracker.logMetric('loss', 0.5, { step: 1, timestamp: time })
      tracker.logMetric('loss', 0.25, { step: 2 })
      tracker.logMetrics({ loss: 0.125, accuracy: 0.9 }, { step: 3 })
    })
    const events: JournalEvent[] = []
    await readJournal(inRun(run, 'events.jsonl'), (event) => events.push(event))
    const metrics = events.filter((event) => event.type === 'metric')
    expect(metrics.map(({ name, step, value }) => [name, step, value])).toEqual([
      ['loss', 1, 0.5],
      ['loss', 2, 0.25],
      ['loss', 3, 0.125],
      ['accuracy', 3, 0.9],
    ])
    expect(metrics[0]?.time).toBe('2026-01-02T03:04:05.678Z')
    expect(run.record.metrics['loss']).toMatchObject({ count: 3, first: 0.5, last: 0.125, lastStep: 3 })
  })
})

describe('nothing leaves the machine unasked', () => {
  // Differs: there it goes to W&B by default, and a guard keeps it offline where nobody sits at the terminal.
  test('a whole run opens no connection', { timeout: 60_000 }, async () => {
    const connect = vi.spyOn(Socket.prototype, 'connect')
    const fetched = vi.spyOn(globalThis, 'fetch')
    const tracker = new ExperimentTracker({}, { directory: folderOf({ d: '1' }), environment: {} })
    await tracker.startExperiment()
    await tracker.trackDataset('d', 'd')
    tracker.logMetric('loss', 1)
    await tracker.finishExperiment()
    expect(connect).not.toHaveBeenCalled()
    expect(fetched).not.toHaveBeenCalled()
    vi.restoreAllMocks()
  })

  test('two trackers are two runs that do not know of each other', async () => {
    const root = folderOf()
    const [one, two] = [await started(root), await started(root)]
    one.logMetric('a', 1)
    two.logMetric('b', 2)
    const [first, second] = [await one.finishExperiment(), await two.finishExperiment()]
    expect(first.id).not.toBe(second.id)
    expect([Object.keys(first.metrics), Object.keys(second.metrics)]).toEqual([['a'], ['b']])
    expect(existsSync(join(root, '.lineaprint', 'runs', first.id, 'run.json'))).toBe(true)
  })
})

test('the whole of it in a new process', { timeout: 60_000 }, () => {
  const root = folderOf()
  const program = `
    import { ExperimentTracker } from ${JSON.stringify(join(process.cwd(), 'src/index.ts'))}
    const tracker = new ExperimentTracker({ experimentName: 'fresh' })
    await tracker.run((run) => run.logMetric('loss', 1, { step: 1 }))
    console.log(tracker.getExperimentSummary().status)`
  const args = ['--input-type=module-typescript', '--disable-warning=ExperimentalWarning', '-e', program]
  expect(execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' })).toBe('finished\n')
})
