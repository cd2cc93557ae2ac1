/** Tables that a run tracks: recorded beside the file, and told apart from it later. */
import { copyFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { diffRuns } from '../../src/diff/runs.ts'
import { compareOutputs } from '../../src/reproduce/verdicts/outputs.ts'
import { tableDifference } from '../../src/compare/tables.ts'
import { compareFiles } from '../../src/compare/tensor-files.ts'
import { verifyRun } from '../../src/verify/verify.ts'
import { folderOf } from '../support/folder.ts'
import { finished } from '../tracking/support.ts'
import type { RecordedTable } from '../../src/record/tracked.ts'
import type { VerifyItem } from '../../src/verify/verify.ts'
import type { StoredRun } from '../../src/store/runs.ts'

const FOLDER = join(import.meta.dirname, '../../vectors/tables')

async function datasetOf(run: StoredRun): Promise<VerifyItem | undefined> {
  const { items } = await verifyRun(run)
  return items.find(({ section }) => section === 'datasets')
}

test('the table is recorded beside the file, and other bytes of it are said to be the same table', async () => {
  const root = folderOf({ 'data.csv': 'a,b\n1,2\n3,4\n' })
  const path = join(root, 'data.csv')
  const run = await finished(root, {}, (tracker) => tracker.trackDataset(path, 'train'))
  expect(run.record.datasets['train']).toMatchObject({
    status: 'tracked',
    kind: 'file',
    digest: expect.stringMatching(/^blake3:/) as string,
    table: {
      format: 'csv',
      digest: expect.stringMatching(/^table\.v1\.blake3:/) as string,
      rows: 2,
      columns: [
        { name: 'a', type: 'utf8', digest: expect.stringMatching(/^table\.v1\.blake3:/) as string },
        { name: 'b', type: 'utf8' },
      ],
    },
  })
  expect(await datasetOf(run)).toMatchObject({ status: 'same' })
  writeFileSync(path, '"a","b"\r\n1,2\r\n3,4\r\n')
  expect(await datasetOf(run)).toMatchObject({
    status: 'changed',
    detail: expect.stringMatching(/differs, but its table is the same$/) as string,
  })
  writeFileSync(path, 'a,b\n1,2\n3,5\n')
  expect(await datasetOf(run)).toMatchObject({
    status: 'changed',
    detail: expect.stringMatching(/table .*: 1 of 2 columns differ: b$/) as string,
  })
  writeFileSync(path, 'a,b\n1,2\n')
  expect((await datasetOf(run))?.detail).toMatch(/it had 2 rows and has 1$/)
  writeFileSync(path, 'a,b\n1\n')
  expect((await datasetOf(run))?.detail).toMatch(/can no longer be read as a table/)
})

test('a file that is called a table and is none is tracked as a file, with a warning', async () => {
  const root = folderOf({ 'a.parquet': 'no Parquet', 'b.csv': 'a,b\n1\n' })
  const run = await finished(root, {}, async (tracker) => {
    await tracker.trackDataset(join(root, 'a.parquet'), 'a')
    await tracker.trackOutput(join(root, 'b.csv'), 'b')
  })
  for (const entry of [run.record.datasets['a'], run.record.outputs['b']]) {
    expect(entry).toMatchObject({
      status: 'tracked',
      warnings: [expect.stringContaining('no table digest') as string],
    })
    expect(entry).not.toHaveProperty('table')
  }
})

test('no table is read where the configuration says so, nor of a sample', async () => {
  const root = folderOf({ 'a.csv': 'a\n1\n', 'b.csv': `a\n${'1\n'.repeat(60_000)}` })
  const off = await finished(root, { datasets: { tables: false } }, async (tracker) => {
    await tracker.trackDataset(join(root, 'a.csv'), 'a')
    await tracker.trackOutput(join(root, 'a.csv'), 'a')
  })
  expect(off.record.datasets['a']).not.toHaveProperty('table')
  expect(off.record.outputs['a']).not.toHaveProperty('table')
  const sampled = await finished(root, { datasets: { sample: { count: 2 } } }, (tracker) =>
    tracker.trackDataset(join(root, 'b.csv'), 'b'),
  )
  expect(sampled.record.datasets['b']).toMatchObject({ digest: expect.stringMatching(/^sampled/) as string })
  expect(sampled.record.datasets['b']).not.toHaveProperty('table')
})

test('two runs whose files differ and whose tables do not', async () => {
  const root = folderOf({ 'a.csv': 'a,b\n1,2\n' })
  const path = join(root, 'a.csv')
  const run = (name: string): Promise<StoredRun> =>
    finished(root, { experimentName: name }, (tracker) => tracker.trackDataset(path, 'train'))
  const one = await run('one')
  writeFileSync(path, 'a,b\r\n1,2\r\n')
  const two = await run('two')
  const details = async (a: StoredRun, b: StoredRun): Promise<unknown> =>
    (await diffRuns(a, b)).differences
      .filter(({ field }) => field === 'datasets.train.digest')
      .map(({ detail }) => detail)
  expect(await details(one, two)).toEqual([expect.stringContaining('the table is the same')])
  writeFileSync(path, 'a,c\n1,2\n')
  expect(await details(one, await run('three'))).toEqual([
    expect.stringContaining('table: 2 of 3 columns differ: b, c'),
  ])
})

test('the table of a folder is recorded, and other files that hold it are said to be the same table', async () => {
  const root = folderOf({ 'data/1.csv': 'a,b\n1,2\n3,4\n', 'data/2.csv': 'a,b\n5,6\n' })
  const path = join(root, 'data')
  const track = (name: string): Promise<StoredRun> =>
    finished(root, { experimentName: name }, (tracker) => tracker.trackDataset(path, 'train'))
  const run = await track('one')
  expect(run.record.datasets['train']).toMatchObject({
    kind: 'folder',
    table: { digest: expect.stringMatching(/^table\.v1\.blake3:/) as string, rows: 3, files: 2 },
  })
  writeFileSync(join(path, '1.csv'), 'a,b\n1,2\n')
  writeFileSync(join(path, '2.csv'), 'a,b\r\n3,4\r\n5,6\r\n')
  expect((await datasetOf(run))?.detail).toMatch(/; its table is the same$/)
  const two = await track('two')
  const fields = (await diffRuns(run, two)).differences.filter(({ detail }) =>
    detail?.includes('the table is the same'),
  )
  expect(fields.map(({ field }) => field)).toEqual(['datasets.train.digest'])
  writeFileSync(join(path, '2.csv'), 'a,b\n3,4\n5,7\n')
  expect((await datasetOf(run))?.detail).toMatch(/; its table differs: 1 of 2 columns differ: b$/)
  writeFileSync(join(path, '2.csv'), 'a,c\n3,4\n')
  expect((await datasetOf(run))?.detail).toMatch(/; its tables are not compared: no table digest: .*2\.csv: /)
})

test('splits of a folder are recorded, and told apart by their names', async () => {
  const root = folderOf({ 'data/train-1.csv': 'a\n1\n2\n', 'data/test.csv': 'a\n3\n' })
  const path = join(root, 'data')
  const run = await finished(root, { experimentName: 'one' }, (tracker) => tracker.trackDataset(path, 'all'))
  expect(run.record.datasets['all']).toMatchObject({
    splits: {
      digest: expect.stringMatching(/^splits\.v1\.blake3:/) as string,
      list: [
        { name: 'test', table: { rows: 1 } },
        { name: 'train', table: { rows: 2 } },
      ],
    },
  })
  writeFileSync(join(path, 'train-2.csv'), 'a\n2\n')
  writeFileSync(join(path, 'train-1.csv'), 'a\n1\n')
  expect((await datasetOf(run))?.detail).toMatch(/; the splits are the same$/)
  writeFileSync(join(path, 'test.csv'), 'a\n4\n')
  expect((await datasetOf(run))?.detail).toMatch(/; split test: 1 of 1 column differs: a$/)
  const two = await finished(root, { experimentName: 'two' }, (tracker) => tracker.trackDataset(path, 'all'))
  const { differences } = await diffRuns(run, two)
  expect(differences.find(({ field }) => field === 'datasets.all.digest')?.detail).toContain(
    'split test: 1 of 1 column differs: a',
  )
  rmSync(join(path, 'test.csv'))
  writeFileSync(join(path, 'dev.csv'), 'a\n4\n')
  expect((await datasetOf(run))?.detail).toMatch(/; split test is gone; split validation is new$/)
})

test('an output folder has no table of its own: its files have theirs', async () => {
  const root = folderOf({ 'out/1.csv': 'a\n1\n', 'out/2.csv': 'a\n2\n' })
  const run = await finished(root, {}, (tracker) => tracker.trackOutput(join(root, 'out'), 'out'))
  expect(run.record.outputs['out']).not.toHaveProperty('table')
})

test('an output of other bytes with the same table is reproduced', async () => {
  const root = folderOf()
  const run = (file: string): Promise<StoredRun> => {
    copyFileSync(join(FOLDER, file), join(root, `${file}.parquet`))
    return finished(root, {}, (tracker) => tracker.trackOutput(join(root, `${file}.parquet`), 'rows'))
  }
  const before = await run('02.parquet')
  const [same, other] = [await run('02.small.parquet'), await run('03.parquet')]
  const compare = async (after: StoredRun): Promise<unknown> =>
    compareOutputs(before, after, { tolerance: undefined, signal: undefined })
  expect(await compare(same)).toMatchObject([{ verdict: 'same-table', differences: [{ field: 'digest' }] }])
  expect(await compare(other)).toMatchObject([
    { verdict: 'different', differences: [{ field: 'id' }, { field: 'name' }, { field: 'score' }] },
  ])
  // The original is gone: its recorded digests say the same.
  rmSync(join(root, '02.parquet.parquet'))
  expect(await compare(same)).toMatchObject([
    { verdict: 'same-table', detail: expect.stringContaining('by its recorded digest') as string },
  ])
  expect(await compare(other)).toMatchObject([
    {
      verdict: 'different',
      detail: expect.stringContaining('the original cannot') as string,
      differences: [{ field: 'id' }, { field: 'name' }, { field: 'score' }],
    },
  ])
})

test('tables in other formats, in another order, and what is none', async () => {
  const root = folderOf({ 'bad.csv': 'a,b\n1\n', 'good.csv': 'a,b\n1,2\n' })
  const none = { tolerance: undefined, signal: undefined }
  const file = (name: string): string => join(FOLDER, name)
  expect(await compareFiles(file('02.parquet'), file('02.arrow'), none)).toMatchObject({
    verdict: 'same-table',
  })
  expect(await compareFiles(file('02.parquet'), file('04.parquet'), none)).toMatchObject({
    verdict: 'different',
    detail: 'the order of the columns differs',
  })
  const bad = await compareFiles(join(root, 'good.csv'), join(root, 'bad.csv'), none)
  expect(bad).toMatchObject({
    verdict: 'different',
    detail: expect.stringContaining('the tables cannot be compared') as string,
  })
})

test('within a tolerance: floats, and cells of CSV that are numbers', async () => {
  const root = folderOf({
    'a.csv': 'step,loss,name\n1,0.5,x\n2,1e-3,y\n3,NaN,\n',
    'close.csv': 'step,loss,name\n1,0.75,x\n2,0.001,y\n3,nan,\n',
    'text.csv': 'step,loss,name\n1,0.5,x\n2,1e-3,z\n3,NaN,\n',
    'empty.csv': 'step,loss,name\n1,,x\n2,1e-3,y\n3,NaN,\n',
    'longer.csv': 'step,loss,name\n1,0.5,x\n2,1e-3,y\n3,NaN,\n4,1,w\n',
  })
  const compare = (name: string, tolerance?: number): ReturnType<typeof compareFiles> =>
    compareFiles(join(root, 'a.csv'), join(root, name), { tolerance, signal: undefined })
  expect(await compare('close.csv')).toMatchObject({ verdict: 'different' })
  expect(await compare('close.csv', 0.25)).toMatchObject({
    verdict: 'within-tolerance',
    maxDifference: 0.25,
    differences: [{ field: 'loss' }],
  })
  expect(await compare('close.csv', 0.2)).toMatchObject({
    verdict: 'different',
    differences: [{ field: 'loss' }],
    maxDifference: 0.25,
  })
  for (const [name, column] of [
    ['text.csv', 'name'],
    ['empty.csv', 'loss'],
  ] as const) {
    expect(await compare(name, 1000)).toMatchObject({
      verdict: 'different',
      differences: [{ field: column }],
    })
  }
  expect(await compare('longer.csv', 1000)).toMatchObject({ detail: 'it had 3 rows and has 4' })
})

test('a renamed column is counted among the columns of both tables', () => {
  const column = (name: string): { name: string; type: string; digest: string } => ({
    name,
    type: 'int64',
    digest: 'x',
  })
  const table = (...names: string[]): RecordedTable => ({
    digest: names.join(),
    rows: 4,
    columns: names.map(column),
  })
  expect(tableDifference(table('old'), table('new')).detail).toBe('2 of 2 columns differ: old, new')
  expect(tableDifference(table('a', 'b'), table('a')).detail).toBe('1 of 2 columns differ: b')
  expect(tableDifference(table('a'), { ...table('a'), rows: 1 }).detail).toBe('it had 4 rows and has 1')
})
