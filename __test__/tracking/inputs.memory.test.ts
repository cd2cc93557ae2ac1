/** Datasets in memory in runs: what is recorded of them, and what differs between two runs. */
import { expect, test } from 'vitest'
import { readDataset } from '../../src/dataset/read.ts'
import { diffRuns } from '../../src/diff/runs.ts'
import { contentDigests } from '../../src/record/tracked.ts'
import { verifyRun } from '../../src/verify/verify.ts'
import { folderOf } from '../support/folder.ts'
import { finished, started } from './support.ts'
import type { StoredRun } from '../../src/store/runs.ts'
import type { TrackedEntry } from '../../src/record/tracked.ts'

async function runWith(value: number, statistics = true): Promise<StoredRun> {
  return finished(folderOf(), { datasets: { statistics } }, async (tracker) => {
    await tracker.trackDataset([{ a: 1, b: 'x' }, { a: value, b: null }], 'rows') // prettier-ignore
    await tracker.trackDataset([{ a: value }], 'typed', { schema: { a: 'int16' } })
    await tracker.trackDataset({ train: [{ a: value }], test: [{ a: 2 }] }, 'splits')
    await tracker.trackDataset({ x: Float32Array.of(value), y: Int32Array.of(2) }, 'arrays')
    await tracker.trackDataset([1, value], 'items')
    await tracker.trackDataset(new Blob([`x${value}`]).stream(), 'stream')
  })
}

test('a table is recorded with its columns, their types and null counts', async () => {
  const { record } = await runWith(2)
  expect(record.datasets['rows']).toMatchObject({
    status: 'tracked',
    kind: 'memory',
    table: {
      rows: 2,
      columns: [
        { name: 'a', type: 'float64', statistics: { nulls: 0, minimum: 1, maximum: 2 } },
        { name: 'b', type: 'utf8', statistics: { nulls: 1 } },
      ],
    },
  })
  expect(record.datasets['typed']).toMatchObject({ table: { columns: [{ type: 'int16' }] } })
  const { table } = await readDataset([{ a: 2 }], { schema: { a: 'int16' } })
  const typed = record.datasets['typed'] as TrackedEntry
  expect(contentDigests('datasets', 'typed', typed)).toEqual([String(table?.digest)])
  const bare = (await runWith(2, false)).record.datasets['rows']
  expect(JSON.stringify(bare)).not.toContain('nulls')
})

test('two runs differ in what differs, and verify does not check what was in memory', async () => {
  const [before, same, after] = [await runWith(3), await runWith(3), await runWith(7)]
  const differing = async (other: StoredRun): Promise<Record<string, string | undefined>> => {
    const { differences } = await diffRuns(before, other)
    const own = differences.filter(({ field }) => field.startsWith('datasets.'))
    return Object.fromEntries(own.map(({ field, detail }) => [field, detail]))
  }
  expect(await differing(same)).toEqual({})
  expect(await differing(after)).toEqual({
    'datasets.arrays.digest': undefined,
    'datasets.items.digest': expect.stringContaining('2 records as before') as string,
    'datasets.rows.digest': 'table: 1 of 2 columns differ: a',
    'datasets.splits.digest': expect.stringContaining('split train') as string,
    'datasets.stream.digest': undefined,
    'datasets.typed.digest': expect.stringContaining('a') as string,
  })
  const { items } = await verifyRun(after)
  const own = items.filter(({ section }) => section === 'datasets')
  expect(own.map(({ status }) => status)).toEqual(Array(6).fill('not-checked'))
})

test('one that fails half-way is recorded as failed, with the reason', async () => {
  const tracker = await started(folderOf())
  async function* rows(): AsyncGenerator {
    yield await Promise.resolve({ a: 1 })
    throw new Error('the network is gone')
  }
  await expect(tracker.trackDataset(rows(), 'rows')).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_UNREADABLE',
  })
  await expect(
    tracker.trackDataset([{ a: 1 }], 'rows', { schema: { a: 'int8' }, other: 1 } as object),
  ).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_ARGUMENT',
  })
  const { datasets } = await tracker.finishExperiment()
  expect(datasets).toEqual({ rows: null })
})
