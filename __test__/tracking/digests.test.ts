import { rmSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Digest } from '../../src/core/digest.ts'
import { diffRuns } from '../../src/diff/runs.ts'
import { verifyRun } from '../../src/verify/verify.ts'
import { hashArray } from '../../src/hash/array.ts'
import { digestBytes } from '../../src/hash/bytes.ts'
import { readJournal } from '../../src/store/journal-read.ts'
import { readRun } from '../../src/store/runs.ts'
import { formatRecord, sealRecord } from '../../src/record/seal.ts'
import { folderOf } from '../support/folder.ts'
import { finished, inRun, started } from './support.ts'
import type { DigestSource } from '../../src/tracking/digests.ts'
import type { ExperimentTracker } from '../../src/tracking/tracker.ts'
import type { JournalEvent } from '../../src/record/events.ts'
import type { StoredRun } from '../../src/store/runs.ts'

const ZERO = `blake3:${'0'.repeat(64)}`
const ONE = `blake3:${'1'.repeat(64)}`

async function eventsOf(run: StoredRun): Promise<JournalEvent[]> {
  const events: JournalEvent[] = []
  await readJournal(inRun(run, 'events.jsonl'), (event) => events.push(event))
  return events.filter(({ type }) => type === 'digest')
}

/** A run that logs one weight array of 4 numbers per step; at `odd` one bit of it is another. */
function training(folder: string, odd?: number): Promise<StoredRun> {
  return finished(folder, {}, async (tracker) => {
    const weights = new Float32Array(4)
    for (let step = 0; step < 10; step++) {
      weights[step % 4]! += step === odd ? 0.5000001 : 0.5
      await tracker.logDigest('weights', weights, { step })
      tracker.logMetric('loss', 1 / (step + 1) + (odd !== undefined && step > odd ? 0.1 : 0), { step })
    }
  })
}

test('arrays, bytes and ready digests are events, with totals in the record', async () => {
  const array = Float32Array.of(1, 2, 3, 4)
  const run = await finished(folderOf(), {}, async (tracker) => {
    expect(String(await tracker.logDigest('w', array, { step: 1 }))).toBe(
      String((await hashArray(array)).digest),
    )
    await tracker.logDigest('w', { data: array, shape: [2, 2] }, { step: 2 })
    await tracker.logDigest('bytes', array.buffer)
    await tracker.logDigest('bytes', new DataView(array.buffer, 4, 4))
    await tracker.logDigest('ready', ZERO, { step: 0.5 })
    await tracker.logDigest('ready', Digest.parse(ONE))
  })
  const shaped = (await hashArray({ data: array, shape: [2, 2] })).digest.toString()
  const [flat, whole, part] = [
    (await hashArray(array)).digest.toString(),
    String((await digestBytes(array.buffer)).blake3),
    String((await digestBytes(new Uint8Array(array.buffer, 4, 4))).blake3),
  ]
  expect(flat).not.toBe(shaped)
  expect(run.record.digests).toEqual({
    w: { count: 2, first: flat, last: shaped, lastStep: 2 },
    bytes: { count: 2, first: whole, last: part, lastStep: null },
    ready: { count: 2, first: ZERO, last: ONE, lastStep: 0.5 },
  })
  expect(await eventsOf(run)).toMatchObject([
    { name: 'w', digest: flat, step: 1 },
    { name: 'w', digest: shaped, step: 2 },
    { name: 'bytes', digest: whole },
    { name: 'bytes', digest: part },
    { name: 'ready', digest: ZERO, step: 0.5 },
    { name: 'ready', digest: ONE },
  ])
})

test('the algorithm of the run decides, and the content at the time of the call', async () => {
  const array = new Uint8Array(1000)
  const run = await finished(folderOf(), { algorithm: 'sha256' }, async (tracker) => {
    const logged = tracker.logDigest('a', array)
    array.fill(9)
    expect(String(await logged)).toBe(
      String((await hashArray(new Uint8Array(1000), { algorithm: 'sha256' })).digest),
    )
  })
  expect(run.record.digests?.['a']?.last).toMatch(/^tensor\.v1\.sha256:/)
})

test('calls that nobody waits for keep their order, and are in the record', async () => {
  const run = await finished(folderOf(), {}, (tracker) => {
    void tracker.logDigest('large', new Uint8Array(20 << 20), { step: 1 })
    void tracker.logDigest('small', Uint8Array.of(1), { step: 2 })
    void tracker.logDigest('ready', ZERO, { step: 3 })
  })
  expect((await eventsOf(run)).map((event) => 'step' in event && event.step)).toEqual([1, 2, 3])
})

test('what is no digest is refused by name, and nothing is recorded', async () => {
  const tracker = await started(folderOf())
  const log = (name: string, value: unknown, options = {}): Promise<unknown> =>
    tracker.logDigest(name, value as DigestSource, options)
  for (const value of ['blake3:12', 'no digest', '']) {
    await expect(log('x', value)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_ARGUMENT' })
  }
  for (const value of [null, undefined, 7, {}, [1, 2], new Map()]) {
    await expect(log('x', value)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_ARGUMENT', field: 'x' })
  }
  await expect(log('x', { data: Uint8Array.of(1, 2), shape: [3] })).rejects.toMatchObject({ field: 'shape' })
  await expect(log('', ZERO)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_ARGUMENT' })
  await expect(log('__proto__', ZERO)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_ARGUMENT' })
  await expect(log('x', ZERO, { step: NaN })).rejects.toMatchObject({ expected: 'a finite number as step' })
  await expect(log('constructor', ZERO)).resolves.toBeDefined()
  const { digests } = await tracker.finishExperiment()
  expect(Object.keys(digests)).toEqual(['constructor'])
  await expect(log('x', ZERO)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_STATE' })
})

test('the first step at which two runs diverge is named, overall and for each name', async () => {
  const folder = folderOf()
  const [a, b, again] = [await training(folder), await training(folder, 6), await training(folder)]
  expect(await diffRuns(a, again)).toMatchObject({
    same: true,
    firstDivergence: null,
    digests: [{ name: 'weights', same: true, divergence: null }],
  })
  const diff = await diffRuns(a, b)
  expect(diff.firstDivergence).toEqual({ step: 6, digests: ['weights'], metrics: [] })
  expect(diff.digests).toMatchObject([{ name: 'weights', divergence: { step: 6, index: 6 } }])
  expect(diff.metrics).toMatchObject([{ name: 'loss', divergence: { step: 7, index: 7 } }])
  expect(diff.firstCause).toBeNull()
  const ignore = { ignore: ['digests.weights'] }
  expect((await diffRuns(a, b, ignore)).firstDivergence).toEqual({ step: 7, digests: [], metrics: ['loss'] })
  const at = (await eventsOf(a))[6] as unknown as { digest: string }
  expect(diff.differences[0]).toMatchObject({
    cause: 'digests',
    field: 'digests.weights',
    before: at.digest,
    detail: 'the digests diverge at step 6',
  })
})

test('digests of two hash functions are not compared; steps of one run alone are counted', async () => {
  const folder = folderOf()
  const run = (work: (tracker: ExperimentTracker) => Promise<unknown>): Promise<StoredRun> =>
    finished(folder, {}, work)
  const a = await run(async (tracker) => {
    await tracker.logDigest('mixed', ZERO, { step: 1 })
    await tracker.logDigest('short', ZERO, { step: 1 })
    await tracker.logDigest('gone', ZERO)
    await tracker.logDigest('unstepped', ZERO)
  })
  const b = await run(async (tracker) => {
    await tracker.logDigest('mixed', ZERO.replace('blake3', 'sha256'), { step: 1 })
    await tracker.logDigest('short', ZERO, { step: 1 })
    await tracker.logDigest('short', ONE, { step: 2 })
    await tracker.logDigest('unstepped', ONE)
  })
  const diff = await diffRuns(a, b)
  expect(diff.notCompared).toContainEqual({
    field: 'digests.mixed',
    reason: '1 digest is of different kinds or hash functions',
  })
  expect(diff.differences.map(({ field, detail }) => [field, detail])).toEqual([
    ['digests.gone', undefined],
    ['digests.short', '1 only in the second run'],
    ['digests.unstepped', 'the digests diverge at value 1'],
  ])
  expect(diff.firstDivergence).toBeNull()
  rmSync(inRun(b, 'events.jsonl'))
  const gone = await diffRuns(a, b)
  expect(gone.notCompared).toContainEqual(
    expect.objectContaining({ reason: 'steps: the journal of the second run is missing' }),
  )
  expect(gone.differences.map(({ field }) => field)).toEqual([
    'digests.gone',
    'digests.short',
    'digests.unstepped',
  ])
})

test('what was flushed is read from the journal of a run that has not ended', async () => {
  const tracker = await started(folderOf())
  await tracker.logDigest('w', ZERO, { step: 3 })
  await tracker.flush()
  const digests = { w: { count: 1, first: ZERO, last: ZERO, lastStep: 3 } }
  expect(tracker.getExperimentSummary().digests).toEqual(digests)
  expect((await readRun(tracker.runDirectory)).record.digests).toEqual(digests)
  await tracker.finishExperiment()
})

test('a record from before there were digests and flags is read, verified and compared', async () => {
  const run = await finished(folderOf())
  const { digests: _, flags: __, ...older } = run.record
  writeFileSync(inRun(run, 'run.json'), formatRecord(sealRecord(older)))
  const again = await readRun(run.folder)
  expect(again.record).not.toHaveProperty('digests')
  expect((await verifyRun(again)).same).toBe(true)
  expect(await diffRuns(again, run)).toMatchObject({ same: true, digests: [], firstDivergence: null })
})
