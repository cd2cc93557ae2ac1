/** Loaders whose passes are recorded. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { diffRuns } from '../../src/diff/runs.ts'
import { readRun } from '../../src/store/runs.ts'
import { SampleOrder, isKept } from '../../src/tracking/sample-order.ts'
import { ExperimentTracker } from '../../src/tracking/tracker.ts'
import { folderOf } from '../support/folder.ts'
import { NO_CAPTURES } from './support.ts'
import type { StoredRun } from '../../src/store/runs.ts'

async function runOf(work: (tracker: ExperimentTracker) => Promise<void> | void): Promise<StoredRun> {
  const root = folderOf()
  const options = { experimentName: 'x', outputDir: root, ...NO_CAPTURES }
  const tracker = new ExperimentTracker(options, { directory: root, environment: {}, strict: false })
  await tracker.run(() => work(tracker))
  return readRun(join(tracker.runDirectory))
}

/** Batches of two samples each, with these values. */
function* batches(...values: readonly number[]): Generator<{ x: Float32Array; y: string[] }> {
  for (let at = 0; at < values.length; at += 2) {
    const pair = values.slice(at, at + 2)
    yield { x: Float32Array.from(pair), y: pair.map(String) }
  }
}

/** The detail of the difference in the order of two runs. */
async function details(first: readonly number[], second: readonly number[]): Promise<(string | undefined)[]> {
  const consume = async (values: readonly number[]): Promise<StoredRun> =>
    runOf((tracker) => {
      for (const _ of tracker.trackBatches(batches(...values), 'train'));
    })
  const { differences } = await diffRuns(await consume(first), await consume(second))
  return differences.filter(({ field }) => field.startsWith('digests.order of')).map(({ detail }) => detail)
}

test('two runs got the same data in another order, or other data, from a batch on', async () => {
  expect(await details([1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6])).toEqual([])
  expect(await details([1, 2, 3, 4, 5, 6], [1, 2, 3, 5, 4, 6])).toEqual([
    'the same data in another order, from batch 2 on',
  ])
  expect(await details([1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 7])).toEqual(['other data, from batch 3 on'])
})

test('the same data in larger batches is not said to have another order', async () => {
  const consume = (given: readonly (readonly number[])[]): Promise<StoredRun> =>
    runOf((tracker) => {
      for (const _ of tracker.trackBatches(given, 'train'));
    })
  const small = [
    [1, 2],
    [3, 4],
    [5, 6],
    [7, 8],
  ]
  const { differences } = await diffRuns(
    await consume(small),
    await consume([
      [1, 2],
      [3, 4, 5, 6],
      [7, 8],
    ]),
  )
  expect(differences.find(({ field }) => field === 'digests.order of train, epoch 0')?.detail).toMatch(
    /^the same data in batches of other sizes, from batch 2 on; its order may be the same/,
  )
})

test('an epoch that was left early does not tell whether the data is the same', async () => {
  const consume = (values: readonly number[]): Promise<StoredRun> =>
    runOf((tracker) => {
      for (const batch of tracker.trackBatches(batches(...values), 'train')) if (batch.y[1] === '6') break
    })
  const { differences } = await diffRuns(await consume([1, 2, 5, 6, 7, 8]), await consume([3, 4, 5, 6, 7, 8]))
  expect(differences.find(({ field }) => field === 'digests.order of train, epoch 0')?.detail).toBe(
    'another order or other data, from batch 1 on; an epoch that did not end does not tell which',
  )
})

test('the loop gets the same objects, whatever the loader, and the loader is itself otherwise', async () => {
  const given = [...batches(1, 2, 3, 4)]
  class Loader {
    #size = 2
    get length(): number {
      return this.#size
    }
    async *[Symbol.asyncIterator](): AsyncGenerator {
      for (const batch of given) yield batch
    }
  }
  const { record } = await runOf(async (tracker) => {
    const plain = tracker.trackBatches(given, 'list')
    expect([plain.length, plain[0] === given[0], Array.isArray(plain)]).toEqual([2, true, true])
    expect([...plain].every((batch, index) => batch === given[index])).toBe(true)
    const loader = tracker.trackBatches(new Loader(), 'async')
    expect([loader.length, loader instanceof Loader]).toEqual([2, true])
    for (let epoch = 0; epoch < 2; epoch++) {
      const seen: unknown[] = []
      for await (const batch of loader) seen.push(batch)
      expect(seen.every((batch, index) => batch === given[index])).toBe(true)
    }
  })
  expect(Object.keys(record.digests ?? {}).toSorted()).toEqual(
    ['order', 'samples'].flatMap((what) => [
      `${what} of async, epoch 0`,
      `${what} of async, epoch 1`,
      `${what} of list, epoch 0`,
    ]),
  )
  const { digests = {} } = record
  expect(digests['order of async, epoch 1']).toEqual(digests['order of list, epoch 0'])
  expect(record.warnings).toEqual([])
})

test('errors of the loader are those of the loader, and a fault in what it gives is a warning', async () => {
  const failure = new Error('no more')
  const { record } = await runOf(async (tracker) => {
    const failing = {
      *[Symbol.iterator](): Generator<number[]> {
        yield [1]
        throw failure
      },
    }
    expect(() => [...tracker.trackBatches(failing, 'failing')]).toThrow(failure)
    const strange = [[new Date(0)], [new WeakMap()]]
    expect([...tracker.trackBatches(strange, 'strange')]).toEqual(strange)
    expect(tracker.trackBatches(3 as never, 'x')).toBe(3)
    const frozen = Object.freeze({ *[Symbol.iterator]() {}, size: (): number => 1 })
    expect(tracker.trackBatches(frozen, 'frozen')).toBe(frozen)
    await Promise.resolve()
  })
  expect(Object.keys(record.digests ?? {})).toEqual(['order of failing, epoch 0'])
  expect(record.warnings).toEqual([
    expect.stringContaining('a value has no digest: Date'),
    expect.stringContaining('a loader must be iterable'),
    expect.stringContaining('a frozen loader cannot be recorded'),
  ])
})

test('half of a surrogate pair has no digest, so that two texts never have one, and the error names its batch', () => {
  const add = (...batches_: readonly unknown[]) => {
    const order = new SampleOrder()
    for (const batch of batches_) order.add(batch)
    return order.order
  }
  expect(add(['\ud83d\ude00'])).not.toBe(add(['\ufffd']))
  for (const batch of [['a', '\ud800'], { x: ['\udc00'] }, { '\ud800': [1] }, [['a', { b: 'x\ud800' }]]])
    expect(() => add([1], batch)).toThrow(/^batch 2: .*(?:not Unicode|not text of Unicode)/)
})

test('indexes stand for samples where they are given', async () => {
  const index = (batch: { y: string[] }): number[] => batch.y.map(Number)
  const { record } = await runOf((tracker) => {
    for (const _ of tracker.trackBatches(batches(1, 2, 3, 4), 'train', { index }));
  })
  const order = new SampleOrder()
  order.addIndexes([1, 2])
  order.addIndexes([3, 4])
  expect(record.digests).toMatchObject({
    'index order of train, epoch 0': { count: 2, last: `sha256:${order.order}` },
    'index samples of train, epoch 0': { last: `sha256:${order.content}`, lastStep: 4 },
  })
})

test('later batches of a long epoch are thinned out', () => {
  const kept = Array.from({ length: 5000 }, (_, index) => index + 1).filter(isKept)
  expect(kept.slice(1022, 1028)).toEqual([1023, 1024, 1026, 1028, 1030, 1032])
  expect(kept.slice(-3)).toEqual([4984, 4992, 5000])
  expect(kept.length).toBeLessThan(2200)
})
