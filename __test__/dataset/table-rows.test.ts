import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { diffTables } from '../../src/dataset/table-diff.ts'
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
