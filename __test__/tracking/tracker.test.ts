/** The life of a tracker, and a whole run. */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ExperimentTracker } from '../../src/tracking/tracker.ts'
import { readRun } from '../../src/store/runs.ts'
import { checkSeal, formatRecord } from '../../src/record/seal.ts'
import { storeIn } from '../../src/store/store.ts'
import { folderOf } from '../support/folder.ts'
import { floats, safetensors } from '../support/safetensors.ts'
import { NO_CAPTURES, finished, started } from './support.ts'

const STATE = { code: 'ERR_LINEAPRINT_STATE' }

test('a whole run', async () => {
  const root = folderOf({
    'train.csv': 'a,b\n1,2\n',
    'model/model.safetensors': safetensors({ w: floats([1, 2]), b: floats([3]) }),
    'model/vocab.txt': 'hello\nworld\n',
  })
  const tracker = new ExperimentTracker(
    {
      experimentName: 'whole',
      outputDir: root,
      tags: ['a'],
      notes: 'n',
      metadata: { lr: 0.1 },
      ...NO_CAPTURES,
    },
    { directory: root, environment: {} },
  )
  const id = await tracker.startExperiment()
  const dataset = await tracker.trackDataset('train.csv', 'train')
  await tracker.trackDataset({ data: Float32Array.of(1, 2), shape: [1, 2] }, 'memory')
  const model = await tracker.trackModel('model', 'net')
  const tokenizer = await tracker.trackTokenizer('model', 'tok')
  tracker.logMetrics({ loss: 0.5, accuracy: 0.9 }, { step: 1, timestamp: new Date('2025-01-01T00:00:00Z') })
  tracker.logMetric('loss', 0.25, { step: 2 })
  tracker.addTags('b', ['c', 'a'])
  tracker.addMetadata({ lr: 0.2, when: new Date(0) })
  tracker.setNotes('later')
  writeFileSync(join(root, 'out.txt'), 'result')
  const output = await tracker.trackOutput('out.txt', 'out')
  const summary = await tracker.finishExperiment()
  expect(summary).toMatchObject({
    id,
    name: 'whole',
    status: 'finished',
    runDirectory: join(root, '.lineaprint/runs', id),
    tags: ['a', 'b', 'c'],
    notes: 'later',
    metadataKeys: ['lr', 'when'],
    captures: { environment: null, git: null, seeds: null },
    datasets: { train: String(dataset?.digest), memory: expect.stringMatching(/^tensor\.v1/) as string },
    models: { net: { architecture: String(model?.architecture), weights: String(model?.weights) } },
    tokenizers: { tok: String(tokenizer?.digest) },
    outputs: { out: String(output?.digest) },
    metrics: {
      loss: { count: 2, nanCount: 0, first: 0.5, last: 0.25, min: 0.25, max: 0.5, lastStep: 2 },
      accuracy: { count: 1, nanCount: 0, first: 0.9, last: 0.9, min: 0.9, max: 0.9, lastStep: 1 },
    },
    warnings: [],
    failure: null,
  })
  expect(tracker.getExperimentSummary()).toBe(summary)
  const { record, status, recordBytes } = await readRun(tracker.runDirectory)
  expect(status).toBe('finished')
  expect(checkSeal(record)).toBe('holds')
  expect(record.seal).toBe(summary.seal)
  expect(formatRecord(record)).toBe(Buffer.from(recordBytes).toString())
  expect(record.metadata).toEqual({ lr: 0.2, when: '1970-01-01T00:00:00.000Z' })
  expect(record.datasets['train']).toMatchObject({
    status: 'tracked',
    kind: 'file',
    path: join(root, 'train.csv'),
    bytes: 8,
  })
  expect(record.models['net']).toMatchObject({
    tensorCount: 2,
    parameters: 3,
    tensorsFile: 'models/net.tensors.json',
  })
  expect(record.models['net']).not.toHaveProperty('tensors')
  expect(record.files.map(({ path }) => path)).toEqual(['events.jsonl', 'models/net.tensors.json'])
  const journal = readFileSync(join(tracker.runDirectory, 'events.jsonl'), 'utf8')
  expect(journal).toContain(
    '"time":"2025-01-01T00:00:00.000Z","type":"metric","name":"loss","value":0.5,"step":1',
  )
})

test('the built-in captures are made at the start, and can be made again', { timeout: 60_000 }, async () => {
  const root = folderOf()
  const tracker = new ExperimentTracker({ outputDir: root }, { directory: root })
  await tracker.startExperiment()
  const first = tracker.getExperimentSummary().captures
  expect(Object.keys(first)).toEqual(['environment', 'git', 'seeds'])
  for (const digest of Object.values(first)) expect(digest).toMatch(/^(environment|git|seeds)\.v1\.blake3:/)
  const report = await tracker.setSeeds(42)
  expect(report.seed).toBe(42)
  expect((await tracker.captureGit()).digest).toBe(first['git'])
  const environment = await tracker.captureEnvironment()
  const { captures } = await tracker.finishExperiment()
  expect(captures['environment']).toBe(environment.digest)
  expect(captures['seeds']).not.toBe(first['seeds'])
})

test('calls in the wrong state are errors with a hint', async () => {
  const root = folderOf({ data: 'x' })
  const tracker = new ExperimentTracker({ outputDir: root, ...NO_CAPTURES }, { directory: root })
  const asyncCalls = (): Promise<unknown>[] => [
    tracker.trackDataset('data', 'd'),
    tracker.trackModel('data', 'm'),
    tracker.trackTokenizer('data', 't'),
    tracker.trackOutput('data', 'o'),
    tracker.setSeeds(1),
    tracker.captureGit(),
    tracker.captureEnvironment(),
    tracker.finishExperiment(),
  ]
  const syncCalls = [
    () => tracker.logMetric('m', 1),
    () => tracker.logMetrics({ m: 1 }),
    () => tracker.addMetadata({}),
    () => tracker.addTags('t'),
    () => tracker.setNotes('n'),
    () => tracker.fail(new Error('x')),
  ]
  for (const call of asyncCalls()) await expect(call).rejects.toMatchObject(STATE)
  for (const call of syncCalls) expect(call).toThrow(/call startExperiment first/)
  await expect(tracker.verify()).rejects.toMatchObject(STATE)
  expect(() => tracker.getExperimentSummary()).toThrow(/call startExperiment first/)
  expect(() => tracker.id).toThrow(expect.objectContaining(STATE))
  const start = tracker.startExperiment()
  await expect(tracker.startExperiment()).rejects.toMatchObject(STATE)
  await start
  await tracker.finishExperiment()
  for (const call of asyncCalls()) await expect(call).rejects.toMatchObject(STATE)
  for (const call of syncCalls)
    expect(call).toThrow(expect.objectContaining({ ...STATE, hint: 'create a new ExperimentTracker' }))
  await expect(tracker.startExperiment()).rejects.toMatchObject(STATE)
  await tracker.flush()
  expect((await tracker.verify()).same).toBe(true)
})

test('a start that fails can be tried again', async () => {
  const root = folderOf({ '.lineaprint': 'in the way' })
  const tracker = new ExperimentTracker({ outputDir: root, ...NO_CAPTURES }, { directory: root })
  await expect(tracker.startExperiment()).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_STORE' })
  expect(tracker.isRunning).toBe(false)
})

test('run() marks a run whose work throws as failed, and throws on', async () => {
  const root = folderOf()
  const tracker = new ExperimentTracker({ outputDir: root, ...NO_CAPTURES }, { directory: root })
  const error = Object.assign(new Error('no convergence, password=hunter2secret99'), { code: 'E_MINE' })
  await expect(tracker.run(() => Promise.reject(error))).rejects.toBe(error)
  const { record } = await readRun(tracker.runDirectory)
  expect(record.status).toBe('failed')
  expect(record.failure).toEqual({
    message: expect.stringContaining('no convergence') as string,
    code: 'E_MINE',
  })
  expect(record.failure?.message).not.toContain('hunter2')
  const other = new ExperimentTracker({ outputDir: root, ...NO_CAPTURES }, { directory: root })
  expect(await other.run((self) => self.id)).toBe(other.id)
  expect((await readRun(other.runDirectory)).status).toBe('finished')
})

test('await using finishes, and fail() marks', async () => {
  const root = folderOf()
  let folder = ''
  {
    await using tracker = await started(root)
    folder = tracker.runDirectory
    tracker.fail('out of memory')
  }
  expect((await readRun(folder)).record).toMatchObject({
    status: 'failed',
    failure: { message: 'out of memory' },
  })
})

test('finishing waits for what is under way', async () => {
  const root = folderOf({ big: new Uint8Array(20_000_000) })
  const tracker = await started(root)
  const under = tracker.trackDataset('big', 'd')
  const missing = tracker.trackDataset('missing', 'm').then(
    () => 'read',
    () => 'failed',
  )
  const summary = await tracker.finishExperiment()
  expect(summary.datasets['d']).toMatch(/^blake3:/)
  expect(summary.datasets['m']).toBeNull()
  expect((await under)?.bytes).toBe(20_000_000)
  expect(await missing).toBe('failed')
})

test('two trackers of one process do not interfere', async () => {
  const root = folderOf({ data: 'x' })
  const [one, two] = await Promise.all([
    started(root, { experimentName: 'same' }),
    started(root, { experimentName: 'same' }),
  ])
  one.logMetric('m', 1)
  two.logMetric('m', 2)
  await one.trackDataset('data', 'only-one')
  await one.finishExperiment()
  two.logMetric('m', 3)
  await two.finishExperiment()
  const [first, second] = await Promise.all([readRun(one.runDirectory), readRun(two.runDirectory)])
  expect(first.record.metrics['m']).toMatchObject({ count: 1, last: 1 })
  expect(second.record.metrics['m']).toMatchObject({ count: 2, last: 3 })
  expect(Object.keys(second.record.datasets)).toEqual([])
})

test('a tracker inside a wrapped command has its own run, and knows its parent', async () => {
  const root = folderOf({ 'lineaprint.config.json': '{"experimentId":"fixed"}' })
  const parent = await started(root, {}, { environment: { LINEAPRINT_RUN_ID: 'not/an/id' } })
  const child = await started(root, {}, { environment: { LINEAPRINT_RUN_ID: parent.id } })
  expect(parent.id).toBe('fixed')
  expect(child.id).not.toBe('fixed')
  await Promise.all([child.finishExperiment(), parent.finishExperiment()])
  expect((await readRun(child.runDirectory)).record.parent).toBe('fixed')
  expect((await readRun(parent.runDirectory)).record.parent).toBeNull()
  expect(readdirSync(storeIn(root).runs).length).toBe(2)
})

test('parameters are recorded with their last values, or not at all', async () => {
  const { record } = await finished(folderOf(), {}, (tracker) => {
    tracker.logParameters({ lr: 0.1, name: 'adam', sizes: [1, 2] })
    tracker.logParameters({ lr: 0.2, off: NaN })
    expect(() => tracker.logParameters({ fine: 1, '': 2 })).toThrow('parameter')
    expect(() => tracker.logParameters({ fine: 1, code: () => 1 })).toThrow('parameters')
  })
  expect(record.parameters).toEqual({
    lr: { value: 0.2, sources: ['lineaprint'] },
    name: { value: 'adam', sources: ['lineaprint'] },
    sizes: { value: [1, 2], sources: ['lineaprint'] },
    off: { value: { __float__: 'NaN' }, sources: ['lineaprint'] },
  })
})
