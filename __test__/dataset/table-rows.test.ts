import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { diffTables } from '../../src/dataset/table-diff.ts'
import { isOrderCertain } from '../../src/dataset/table-rows.ts'
import { hashTable } from '../../src/dataset/table.ts'
import { folderOf } from '../support/folder.ts'
import type { RowComparison, RowOptions } from '../../src/dataset/table-rows.ts'
import type { TableOptions } from '../../src/dataset/table.ts'

async function rowsOf(
  before: string,
  after: string,
  options: RowOptions & TableOptions = {},
): Promise<RowComparison> {
  const root = folderOf({ 'a.csv': before, 'b.csv': after })
  return (await diffTables(join(root, 'a.csv'), join(root, 'b.csv'), options)).rows
}

test('cells of rows of one key, with those of added and removed rows', async () => {
  const schema = { id: 'int64', name: 'utf8', score: 'float64' }
  const before = 'id,name,score\n1,a,0.5\n2,b,\n3,c,1\n'
  const after = 'id,name,score\n3,c,-0\n1,a,0.5\n4,d,2\n2,x,NaN\n'
  expect(await rowsOf(before, after, { schema, key: ['id'], rows: 10 })).toEqual({
    status: 'compared',
    key: ['id'],
    added: 1,
    removed: 0,
    changed: 2,
    sameOrder: false,
    columns: [
      { name: 'name', rows: 1 },
      { name: 'score', rows: 2 },
    ],
    examined: 2,
    duplicateKeys: { before: 0, after: 0 },
    listed: [
      {
        status: 'changed',
        before: 1,
        after: 3,
        key: [{ column: 'id', value: '2' }],
        cells: [
          { column: 'name', before: 'b', after: 'x' },
          { column: 'score', before: null, after: 'NaN' },
        ],
      },
      {
        status: 'changed',
        before: 2,
        after: 0,
        key: [{ column: 'id', value: '3' }],
        cells: [{ column: 'score', before: '1.0', after: '-0.0' }],
      },
      {
        status: 'added',
        after: 2,
        key: [{ column: 'id', value: '4' }],
        cells: [
          { column: 'id', after: '4' },
          { column: 'name', after: 'd' },
          { column: 'score', after: '2.0' },
        ],
      },
    ],
  })
})

test('columns in another order, and several files as one table', async () => {
  const root = folderOf({ 'a.csv': 'a,b\n1,2\n3,4\n', 'b1.csv': 'b,a\n2,1\n', 'b2.csv': 'b,a\n5,3\n' })
  const path = (name: string): string => join(root, name)
  const { rows } = await diffTables(path('a.csv'), [path('b1.csv'), path('b2.csv')], { rows: 1 })
  expect(rows).toMatchObject({
    changed: 1,
    columns: [{ name: 'b', rows: 1 }],
    listed: [{ before: 1, after: 1, cells: [{ column: 'b', before: '4', after: '5' }] }],
  })
})

test('rows that were not seen are not checked', async () => {
  expect(await rowsOf('a,b\n1,2\n', 'a\n1\n')).toEqual({
    status: 'not-checked',
    reason: 'the columns differ',
  })
  const root = folderOf({ 'a.csv': 'a\n1\n', 'b.csv': 'a\n2\n' })
  const digests = await hashTable(join(root, 'a.csv'))
  expect((await diffTables(digests, join(root, 'b.csv'))).rows).toMatchObject({ status: 'not-checked' })
  expect((await diffTables(digests, digests)).rows).toMatchObject({ status: 'compared', changed: 0 })
})

test('an output never writes over an input, and a failure leaves nothing', async () => {
  const root = folderOf({ 'a.csv': 'a\n1\n', 'b.csv': 'a\n2\n' })
  const [a, b, output] = ['a.csv', 'b.csv', 'c.parquet'].map((name) => join(root, name)) as [
    string,
    string,
    string,
  ]
  await expect(diffTables(a, b, { output: b })).rejects.toMatchObject({ field: 'output' })
  await expect(diffTables(a, b, { key: ['b'] })).rejects.toMatchObject({ field: 'key', path: a })
  await expect(diffTables(a, b, { rows: -1 })).rejects.toMatchObject({ field: 'rows' })
  await expect(diffTables(a, b, { output: join(root, 'none', 'c') })).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_NOT_FOUND',
  })
  writeFileSync(b, 'a\n2\n\u0000"')
  await expect(diffTables(a, b, { output })).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_FORMAT' })
  expect(readdirSync(root).toSorted()).toEqual(['a.csv', 'b.csv'])
  writeFileSync(b, 'a\n2\n')
  await diffTables(a, b, { output })
  expect(readFileSync(output, 'latin1').slice(0, 4)).toBe('PAR1')
  expect(await hashTable(output)).toMatchObject({ rows: 1, columns: { length: 5 } })
})

test('rows are listed and counted over all blocks, whatever the number of changes in the first', async () => {
  const count = 200_000
  const table = (text: (row: number) => string): string =>
    `id,text\n${Array.from({ length: count }, (_, row) => `${row},${text(row)}\n`).join('')}`
  // In every block, and several times in some.
  const edited = [5, 6, 65_535, 65_536, 100_000, 131_072, 199_999]
  const set = new Set(edited)
  const root = folderOf({
    'a.csv': table(() => 'a'),
    'b.csv': table((row) => (set.has(row) ? `b${row}` : 'a')),
  })
  for (const key of [[], ['id']]) {
    const { rows } = await diffTables(join(root, 'a.csv'), join(root, 'b.csv'), { key, rows: 6 })
    expect(rows).toMatchObject({
      changed: edited.length,
      examined: edited.length,
      columns: [{ name: 'text', rows: edited.length }],
      listed: edited.slice(0, 6).map((row) => ({
        status: 'changed',
        before: row,
        after: row,
        cells: [{ column: 'text', before: 'a', after: `b${row}` }],
      })),
    })
  }
})

test('tables without rows, and one with rows and one without, in both directions', async () => {
  const schema = { id: 'int64', x: 'float64' }
  const [none, some] = ['id,x\n', 'id,x\n1,0\n1,0\n,NaN\n']
  for (const key of [[], ['id'], ['id', 'x']]) {
    const duplicates = key.length === 0 ? {} : { duplicateKeys: { before: 0, after: 1 } }
    expect(await rowsOf(none, some, { schema, key, rows: 1 })).toMatchObject({
      added: 3,
      removed: 0,
      changed: 0,
      sameOrder: true,
      listed: [{ status: 'added', after: 0 }],
      ...duplicates,
    })
    expect(await rowsOf(some, none, { schema, key })).toMatchObject({ added: 0, removed: 3, changed: 0 })
    expect(await rowsOf(none, none, { schema, key })).toMatchObject({ added: 0, removed: 0, changed: 0 })
  }
})

test('a key that rows of other blocks have as well is no key of one row', async () => {
  const count = 140_000
  const table = (lines: ReadonlyMap<number, string>): string =>
    `id,text\n${Array.from({ length: count }, (_, row) => `${lines.get(row) ?? `${row},a`}\n`).join('')}`
  // Row 3 changes in place. Far behind, an equal row of both tables has its key.
  const root = folderOf({
    'a.csv': table(new Map([[139_999, '3,z']])),
    'b.csv': table(
      new Map([
        [3, '3,b'],
        [139_999, '3,z'],
      ]),
    ),
  })
  const { rows } = await diffTables(join(root, 'a.csv'), join(root, 'b.csv'), { key: ['id'], rows: 9 })
  expect(rows).toMatchObject({
    changed: 0,
    removed: 1,
    added: 1,
    duplicateKeys: { before: 1, after: 1 },
    listed: [
      { status: 'removed', before: 3 },
      { status: 'added', after: 3 },
    ],
  })
})

test.each([
  // The second table is the first one without its first row, but of equal rows the last one is left over.
  ['x y x', 'y x', {}, { sameOrder: false, certain: false }],
  ['x y x', 'y x', { key: ['v'] }, { sameOrder: false, certain: false }],
  ['x y z x', 'y z x x', {}, { sameOrder: false, certain: true }],
  ['1 2 3', '3 1', { key: ['v'] }, { sameOrder: false, certain: true }],
  ['x y', 'y z', {}, { sameOrder: true, certain: true }],
] as const)('another order is certain without a choice of copies: %s, %s, %o', async (a, b, options, is) => {
  const text = (rows: string): string => `v\n${rows.replaceAll(' ', '\n')}\n`
  const rows = await rowsOf(text(a), text(b), options)
  if (rows.status !== 'compared') throw new Error(rows.reason)
  expect({ sameOrder: rows.sameOrder, certain: isOrderCertain(rows) }).toEqual(is)
})
