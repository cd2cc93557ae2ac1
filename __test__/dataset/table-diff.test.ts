import { join } from 'node:path'
import { expect, test } from 'vitest'
import { diffTables } from '../../src/dataset/table-diff.ts'
import { hashTable } from '../../src/dataset/table.ts'
import { folderOf } from '../support/folder.ts'
import type { TableDiff } from '../../src/dataset/table-diff.ts'

const FOLDER = join(import.meta.dirname, '../../vectors/tables')

function diff(before: string, after: string): Promise<TableDiff> {
  return diffTables(Buffer.from(before), Buffer.from(after), { format: 'csv' })
}

const SAME = { same: true, sameOrder: true, columns: [], counts: { added: 0, removed: 0, changed: 0 } }

test('one table in several formats is the same', async () => {
  const files = ['02.parquet', '02.small.parquet', '02.v2.parquet', '02.arrow', '02.arrows']
  for (const file of files) {
    const found = await diffTables(join(FOLDER, '02.parquet'), join(FOLDER, file))
    expect(found).toMatchObject({ ...SAME, before: { rows: 3, columns: 3, format: 'parquet' } })
  }
})

test('columns that were added, removed, changed, of another type', async () => {
  const found = await diff('a,b,c\n1,2,3\n4,5,6\n', 'd,a,b\n0,1,2\n0,4,7\n')
  expect(found).toMatchObject({ same: false, sameOrder: true, counts: { added: 1, removed: 1, changed: 1 } })
  expect(found.columns).toEqual([
    { status: 'added', name: 'd', after: 'utf8' },
    {
      status: 'changed',
      name: 'b',
      before: 'utf8',
      after: 'utf8',
      differs: 'values',
      firstRows: { start: 0, end: 2 },
      changedBlocks: 1,
    },
    { status: 'removed', name: 'c', before: 'utf8' },
  ])
  const typed = await hashTable(Buffer.from('a\n1\n'), { format: 'csv', schema: { a: 'int8' } })
  const text = await hashTable(Buffer.from('a\n1\n'), { format: 'csv' })
  expect((await diffTables(text, typed)).columns).toEqual([
    { status: 'changed', name: 'a', before: 'utf8', after: 'int8', differs: 'type' },
  ])
})

test('the first block of rows that differs is told', async () => {
  const rows = Array.from({ length: 200_000 }, (_, row) => `${row},x`)
  const before = `n,c\n${rows.join('\n')}\n`
  const changed = [...rows]
  changed[70_000] = '70000,y'
  changed[199_999] = '199999,z'
  const found = await diff(before, `n,c\n${changed.join('\n')}\n`)
  expect(found.columns).toEqual([
    {
      status: 'changed',
      name: 'c',
      before: 'utf8',
      after: 'utf8',
      differs: 'values',
      firstRows: { start: 65_536, end: 131_072 },
      changedBlocks: 2,
    },
  ])
  // Rows behind the end: every column is another one, and what both have of the first blocks is the same.
  const longer = await diff(before, `${before}1,x\n`)
  expect([longer.before.rows, longer.after.rows]).toEqual([200_000, 200_001])
  expect(longer.columns.map(({ name, firstRows }) => [name, firstRows])).toEqual([
    ['n', { start: 196_608, end: 200_000 }],
    ['c', { start: 196_608, end: 200_000 }],
  ])
  const shorter = await diff(before, `n,c\n${rows.slice(0, 131_072).join('\n')}\n`)
  expect(shorter.columns.map(({ firstRows, changedBlocks }) => [firstRows, changedBlocks])).toEqual([
    [undefined, 0],
    [undefined, 0],
  ])
})

test('another order of columns, and names that stand twice', async () => {
  const moved = await diff('a,b\n1,2\n', 'b,a\n2,1\n')
  expect(moved).toMatchObject({ same: false, sameOrder: false, columns: [] })
  const twice = await diff('a,a\n1,2\n', 'a,a\n1,3\n')
  expect(twice).toMatchObject({ same: false, sameOrder: true, counts: { changed: 1 } })
  expect(twice.warnings).toHaveLength(1)
  expect(await diff('a,a\n1,2\n', 'a,a,a\n1,2,3\n')).toMatchObject({ counts: { added: 1, changed: 0 } })
})

test('what cannot be compared is an error', async () => {
  const root = folderOf({ 'a.csv': 'a\n1\n', 'b.csv': 'a,b\n1\n' })
  const [a, b] = [join(root, 'a.csv'), join(root, 'b.csv')]
  await expect(diffTables(a, b)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_FORMAT', path: b })
  await expect(diffTables(a, a, { unordered: true })).rejects.toMatchObject({ field: 'unordered' })
  const [one, other] = [await hashTable(a), await hashTable(a, { algorithm: 'sha256' })]
  await expect(diffTables(one, other)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_INCOMPARABLE' })
})

test('names with NUL bytes do not hide another order', async () => {
  const names = ['p', 'p\u00000 p']
  const found = await diff(`${names.join(',')}\n1,2\n`, `${names.toReversed().join(',')}\n2,1\n`)
  expect(found).toMatchObject({ same: false, sameOrder: false, columns: [] })
})
