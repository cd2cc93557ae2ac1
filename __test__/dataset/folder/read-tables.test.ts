import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { hashTable } from '../../../src/dataset/table.ts'
import { readDataset } from '../../../src/dataset/read.ts'
import { folderOf } from '../../support/folder.ts'

/** Lines of CSV with the numbers from `start` up to `end`. */
function rows(start: number, end: number): string {
  return Array.from({ length: end - start }, (_, index) => `${start + index},text ${start + index}\n`).join(
    '',
  )
}

test('a folder of tables has the digest of one file with all rows, whatever the number of files', async () => {
  const count = 70_000
  const one = folderOf({ 'all.csv': `id,name\n${rows(0, count)}` })
  const several = folderOf({
    'part-10.csv': `id,name\n${rows(66_000, count)}`,
    'part-2.csv': `id,name\n${rows(3, 66_000)}`,
    'part-1.csv': `id,name\n${rows(0, 3)}`,
    'part-3.csv': 'id,name\n',
    'README.md': 'about',
  })
  const file = await readDataset(join(one, 'all.csv'))
  const folder = await readDataset(several)
  expect(folder.table).toMatchObject({ rows: count, files: 4, format: 'csv' })
  expect(folder.table?.digest.equals(file.table?.digest ?? folder.digest)).toBe(true)
  expect(folder.warnings).toEqual([])
  // What is no table changes the folder and not its table.
  writeFileSync(join(several, 'README.md'), 'changed')
  const again = await readDataset(several)
  expect(again.digest.equals(folder.digest)).toBe(false)
  expect(again.table?.digest.toString()).toBe(folder.table?.digest.toString())
  // The order of the files is that of the rows.
  renameSync(join(several, 'part-10.csv'), join(several, 'part-0.csv'))
  const turned = await readDataset(several)
  expect(turned.table?.digest.equals(file.table?.digest ?? folder.digest)).toBe(false)
  const [unordered, unorderedFile] = [
    await readDataset(several, { unordered: true }),
    await readDataset(join(one, 'all.csv'), { unordered: true }),
  ]
  expect(unordered.table?.digest.type).toBe('table-unordered.v1.blake3')
  expect(unordered.table?.digest.toString()).toBe(unorderedFile.table?.digest.toString())
})

test('splits have a table each, and one digest that does not depend on their layout', async () => {
  const root = folderOf({
    'data/train-00000-of-00002.csv': `id,name\n${rows(0, 2)}`,
    'data/train-00001-of-00002.csv': `id,name\n${rows(2, 5)}`,
    'data/test-00000-of-00001.csv': `id,name\n${rows(9, 10)}`,
  })
  const { splits, table, warnings } = await readDataset(root)
  expect(table).toBeUndefined()
  expect(warnings).toEqual([])
  expect(splits?.digest.type).toBe('splits.v1.blake3')
  expect(splits?.list.map(({ name, table: own }) => [name, own?.rows, own?.files])).toEqual([
    ['test', 1, 1],
    ['train', 5, 2],
  ])
  const whole = await hashTable(join(folderOf({ 'a.csv': `id,name\n${rows(0, 5)}` }), 'a.csv'))
  expect(splits?.list[1]?.table?.digest.toString()).toBe(whole.digest.toString())

  const other = folderOf({ 'train/a.csv': `id,name\n${rows(0, 5)}`, 'dev.csv': 'x\n' })
  rmSync(join(other, 'dev.csv'))
  mkdirSync(join(other, 'test'))
  writeFileSync(join(other, 'test', 'a.csv'), `id,name\n${rows(9, 10)}`)
  expect((await readDataset(other)).splits?.digest.toString()).toBe(splits?.digest.toString())
  writeFileSync(join(other, 'test', 'a.csv'), `id,name\n${rows(8, 9)}`)
  expect((await readDataset(other)).splits?.digest.toString()).not.toBe(splits?.digest.toString())
})

test('splits of other columns are warned about', async () => {
  const { splits, warnings } = await readDataset(
    folderOf({ 'train.csv': 'id,label\n1,2\n', 'test.csv': 'id\n1\n' }),
  )
  expect(splits?.list).toHaveLength(2)
  expect(warnings).toEqual(['the columns of train are not those of test'])
})

test('both hash functions, in every digest', async () => {
  const { splits } = await readDataset(folderOf({ 'train.csv': 'id\n1\n' }), { algorithm: 'both' })
  expect(splits?.digests.blake3?.type).toBe('splits.v1.blake3')
  expect(splits?.digests.sha256?.type).toBe('splits.v1.sha256')
  const sha256 = await readDataset(folderOf({ 'train.csv': 'id\n1\n' }), { algorithm: 'sha256' })
  expect(sha256.splits?.digest.toString()).toBe(splits?.digests.sha256?.toString())
})

test.each([
  [{ '1.csv': 'a,b\n1,2\n', '2.csv': 'a,c\n1,2\n' }, '2.csv: its columns are not those of the first file'],
  [{ '1.csv': 'a,b\n1,2\n', '2.csv': 'a,b\n1\n' }, '2.csv: '],
  [{ '1.csv': 'a\n1\n', '2.parquet': 'PAR1' }, '2.parquet: the files of the table have several formats'],
  [{ 'year=1/1.csv': 'a\n1\n' }, 'names of folders hold values of columns'],
] as const)('%j has no table digest, and the reason is told', async (files, reason) => {
  const { table, splits, warnings, digest } = await readDataset(folderOf(files))
  expect({ table, splits }).toEqual({ table: undefined, splits: undefined })
  expect(digest.type).toBe('tree.v1.blake3')
  expect(warnings).toEqual([expect.stringMatching(/^no table digest: /)])
  expect(warnings[0]).toContain(reason)
})

test('JSON lines are a table under a schema, and CSV under the same schema is the same', async () => {
  const schema = { id: 'int64', name: 'utf8' }
  const lines = folderOf({ '1.jsonl': '{"id":1,"name":"a"}\n', '2.jsonl': '{"id":2,"name":null}\n' })
  const csv = folderOf({ 'x.csv': 'id,name\n1,a\n2,\n' })
  const [a, b] = [await readDataset(lines, { schema }), await readDataset(csv, { schema })]
  expect(a.table).toMatchObject({ rows: 2, files: 2 })
  expect(a.table?.digest.toString()).toBe(b.table?.digest.toString())
  expect((await readDataset(lines)).table).toBeUndefined()
})

test('JSON lines without a schema are a sequence of records, whatever the number of files', async () => {
  const one = folderOf({ 'all.jsonl': '{"a":1}\n{"a":2}\r\n{"a":3}' })
  const several = folderOf({ '2.jsonl': '{"a":3}\n', '1.jsonl': '{"a":1}\n{"a":2}\n', 'README.md': 'x' })
  const [file, folder] = [await readDataset(join(one, 'all.jsonl')), await readDataset(several)]
  expect(file.sequence).toMatchObject({ records: 3 })
  expect(file.sequence?.digest.type).toBe('sequence.v1.blake3')
  expect(folder.sequence).toMatchObject({ records: 3, files: 2 })
  expect(folder.sequence?.digest.toString()).toBe(file.sequence?.digest.toString())
  // An empty line is a record, and other spaces in JSON are another record.
  writeFileSync(join(several, '2.jsonl'), '{"a": 3}\n')
  expect((await readDataset(several)).sequence?.digest.toString()).not.toBe(file.sequence?.digest.toString())
  writeFileSync(join(several, '2.jsonl'), '{"a":3}\n\n')
  expect((await readDataset(several)).sequence).toMatchObject({ records: 4 })
})

test('splits of JSON lines are sequences', async () => {
  const root = folderOf({ 'train.jsonl': '{}\n{}\n', 'test.jsonl': '{}\n' })
  const { splits } = await readDataset(root)
  expect(splits?.list.map(({ name, sequence }) => [name, sequence?.records])).toEqual([
    ['test', 1],
    ['train', 2],
  ])
})

test('no files are no table', async () => {
  await expect(hashTable([])).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_ARGUMENT', field: 'source' })
})
