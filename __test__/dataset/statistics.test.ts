import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hashTable } from '../../src/dataset/table.ts'
import { readDataset } from '../../src/dataset/read.ts'
import { toStatistics } from '../../src/dataset/statistics.ts'
import type { ColumnStatistics } from '../../src/dataset/statistics.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lineaprint-statistics-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function ofCells(type: string, cells: readonly string[]): Promise<ColumnStatistics | undefined> {
  const bytes = Buffer.from(`c\n${cells.map((cell) => `${cell}\n`).join('')}`)
  const { columns } = await hashTable(bytes, { format: 'csv', schema: { c: type }, statistics: true })
  return columns[0]?.statistics
}

describe('toStatistics', () => {
  const none = { nulls: 0 }

  test.each([
    ['date32', '-1', '1969-12-31'],
    ['date64', '86400000', '1970-01-02T00:00:00'],
    ['timestamp(s)', '0', '1970-01-01T00:00:00'],
    ['timestamp(us,UTC)', '-1', '1969-12-31T23:59:59.999999Z'],
    ['timestamp(ns,Europe/Berlin)', '9223372036854775807', '2262-04-11T23:47:16.854775807Z'],
    ['timestamp(s)', '253402300800', 253402300800],
    ['timestamp(s)', '9223372036854775807', '9223372036854775807'],
    ['time64(us)', '5', 5],
    ['decimal(5,2)', '0.10', '0.10'],
    ['int64', '9007199254740993', '9007199254740993'],
    ['int64', '-9007199254740991', -9007199254740991],
    ['float32', '1e-45', 1e-45],
  ])('a %s of %s is %s', (type, minimum, expected) => {
    expect(toStatistics({ ...none, minimum, maximum: minimum }, type)).toEqual({
      nulls: 0,
      minimum: expected,
      maximum: expected,
    })
  })

  test('floats that are not finite are left out where there are none', () => {
    expect(toStatistics({ ...none, nan: 2, infinity: 0, negativeInfinity: 1 }, 'float64')).toEqual({
      nulls: 0,
      nan: 2,
      negativeInfinity: 1,
    })
  })
})

describe('statistics of hashTable', () => {
  test('are those of the cells', async () => {
    expect(await ofCells('int64', ['1', '', '5', '3'])).toEqual({
      nulls: 1,
      minimum: 1,
      maximum: 5,
      mean: 3,
      histogram: { from: 1, width: 1, counts: [1, 0, 1, 0, 1] },
    })
    expect(await ofCells('float64', ['0.1', '0.2', '0.3', 'nan', 'inf'])).toMatchObject({
      nan: 1,
      infinity: 1,
      minimum: 0.1,
      maximum: 0.3,
      // The sum of the three doubles divided by 3, rounded once.
      mean: 0.2,
    })
    expect(await ofCells('bool', ['true', 'false', ''])).toEqual({ nulls: 1, trues: 1 })
    expect(await ofCells('utf8', ['ä', '"long"', ''])).toEqual({ nulls: 1, shortest: 2, longest: 4 })
    expect(await ofCells('int64', [])).toEqual({ nulls: 0 })
  })

  test('are absent unless they are requested', async () => {
    const { columns } = await hashTable(Buffer.from('a\n1\n'), { format: 'csv' })
    expect(columns[0]).not.toHaveProperty('statistics')
  })

  test('do not depend on files, threads or the order of rows, and change no digest', async () => {
    // More rows than a block has, in three files.
    const values = Array.from({ length: 150_000 }, (_, index) => (index * 7919) % 100_003)
    const paths = [0, 1, 2].map((part) => {
      const path = join(folder, `part-${part}.csv`)
      writeFileSync(path, `v\n${values.slice(part * 50_000, (part + 1) * 50_000).join('\n')}\n`)
      return path
    })
    const whole = join(folder, 'whole.csv')
    writeFileSync(whole, `v\n${values.join('\n')}\n`)
    const options = { schema: { v: 'float64' }, statistics: true } as const
    const one = await hashTable(whole, { ...options, threads: 1 })
    const expected = one.columns[0]?.statistics
    expect(expected).toMatchObject({ mean: values.reduce((sum, value) => sum + value, 0) / values.length })
    for (const other of [
      await hashTable(paths, options),
      await hashTable(whole, { ...options, unordered: true }),
      await hashTable(paths.toReversed(), { ...options, threads: 2 }),
    ])
      expect(other.columns[0]?.statistics).toEqual(expected)
    const without = await hashTable(whole, { schema: { v: 'float64' } })
    expect(without.digest.toString()).toBe(one.digest.toString())
  })
})

test('a dataset has statistics of its columns unless they are switched off', async () => {
  const path = join(folder, 'people.csv')
  writeFileSync(path, 'name,age\nann,31\nbo,\n')
  const schema = { name: 'utf8', age: 'int8' }
  const { table } = await readDataset(path, { schema })
  expect(table?.columns[1]?.statistics).toMatchObject({ nulls: 1, minimum: 31, maximum: 31, mean: 31 })
  const without = await readDataset(path, { schema, statistics: false })
  expect(without.table?.columns[1]).not.toHaveProperty('statistics')
  expect(without.table?.digest.toString()).toBe(table?.digest.toString())
})
