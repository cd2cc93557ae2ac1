/** Data frames of nodejs-polars, against the Parquet files that they write, and of danfojs, against their rows. */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readDataset } from '../../../src/dataset/read.ts'
import { hashTable } from '../../../src/dataset/table.ts'
import { keptFolder } from '../../support/kept-folder.ts'

/** What the tests use of the packages, which the package itself does not depend on. */
interface PolarsFrame {
  writeParquet(path: string): unknown
  slice(start: number, length: number): PolarsFrame
  filter(condition: object): PolarsFrame
  sort(by: string, descending: boolean): PolarsFrame
  vstack(other: PolarsFrame): PolarsFrame
  groupBy(name: string): object
  lazy(): object
  getColumn(name: string): object
}
interface Polars {
  DataFrame(columns: object, options?: object): PolarsFrame
  Series(name: string, values: readonly unknown[], type?: object): { cast(type: object): object }
  col(name: string): { gt(value: number): object }
  readonly Int8: object
  readonly Int64: object
  readonly Float32: object
  readonly Categorical: object
}
interface DanfoFrame {
  setIndex(options: { index: readonly unknown[] }): DanfoFrame
  sortValues(by: string, options: { ascending: boolean }): DanfoFrame
  iloc(options: { rows: readonly number[] }): DanfoFrame
  readonly index: readonly (string | number)[]
}
interface Danfo {
  readonly DataFrame: new (rows: object, options?: object) => DanfoFrame
  readonly Series: new (values: readonly unknown[]) => object
}

function packageOf(peers: string, name: string): unknown {
  const from = resolve('.peers', peers, 'package.json')
  return existsSync(join(from, '../node_modules', name)) ? createRequire(from)(name) : undefined
}

const pl = packageOf('polars', 'nodejs-polars') as Polars | undefined
const dfd = packageOf('danfo', 'danfojs') as Danfo | undefined

async function digestOf(source: object): Promise<string> {
  return String((await readDataset(source)).digest)
}

describe.skipIf(pl === undefined)('a frame of nodejs-polars', () => {
  const frame = (polars: Polars): PolarsFrame =>
    polars.DataFrame([
      polars.Series('id', [3, 1, 2, null], polars.Int64),
      polars.Series('small', [-128, 127, 0, null], polars.Int8),
      polars.Series('f32', [0.5, NaN, -0, null], polars.Float32),
      polars.Series('f64', [0.1, Infinity, null, 3]),
      polars.Series('name', ['ann', '', 'é😀', null]),
      polars.Series('ok', [true, false, null, true]),
      polars.Series('tags', [['a', 'b'], [], ['c'], ['d']]),
      polars.Series('kind', ['x', 'y', 'x', null]).cast(polars.Categorical),
    ])

  test('is the table that it writes to Parquet, whatever selects its rows', async () => {
    if (pl === undefined) return
    const whole = frame(pl)
    const folder = keptFolder()
    const frames: Readonly<Record<string, PolarsFrame>> = {
      whole,
      slice: whole.slice(0, 2),
      none: whole.slice(0, 0),
      filter: whole.filter(pl.col('small').gt(-1)),
      sorted: whole.sort('f64', true),
      twice: whole.vstack(frame(pl)),
    }
    const digests = new Set<string>()
    for (const [name, each] of Object.entries(frames)) {
      const path = join(folder, `${name}.parquet`)
      each.writeParquet(path)
      const wanted = String((await hashTable(path)).digest)
      expect(await digestOf(each), name).toBe(wanted)
      digests.add(wanted)
    }
    expect(digests.size).toBe(6)
    const splits = await readDataset({ train: whole, test: whole.slice(0, 1) })
    expect(splits.splits?.list.map(({ table }) => table?.rows)).toEqual([1, 4])
  })

  test('is refused as long as its rows are not computed, and as a series or groups', async () => {
    if (pl === undefined) return
    const whole = frame(pl)
    for (const source of [whole.lazy(), whole.getColumn('id'), whole.groupBy('id')])
      await expect(readDataset(source)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_ARGUMENT' })
  })
})

describe.skipIf(dfd === undefined)('a frame of danfojs', () => {
  const rows = [
    { id: 3, name: 'c', ok: true },
    { id: 1.5, name: null, ok: false },
    { id: 2, name: 'é', ok: true },
  ]

  test('is the table of its rows as they are, and another index is another digest', async () => {
    if (dfd === undefined) return
    const frame = new dfd.DataFrame(rows)
    expect(await digestOf(frame)).toBe(await digestOf(rows))
    const columns = { id: [3, 1.5, 2], name: ['c', null, 'é'], ok: [true, false, true] }
    expect(await digestOf(new dfd.DataFrame(columns))).toBe(await digestOf(rows))
    const labelled = frame.setIndex({ index: ['x', 'y', 'z'] })
    const withLabels = rows.map((row, at) => ({ ...row, __index_level_0__: 'xyz'[at] }))
    expect(await digestOf(labelled)).toBe(await digestOf(withLabels))
    // Rows keep their labels.
    for (const some of [frame.sortValues('id', { ascending: true }), frame.iloc({ rows: [2, 0] })]) {
      const chosen = some.index.map((label) => ({ ...rows[Number(label)], __index_level_0__: label }))
      expect(await digestOf(some)).toBe(await digestOf(chosen))
    }
    expect(new Set([await digestOf(frame), await digestOf(labelled)]).size).toBe(2)
  })

  test('is refused with values of several types in a column, and as a series', async () => {
    if (dfd === undefined) return
    const mixed = new dfd.DataFrame({ a: [1, 'x'] })
    for (const source of [mixed, new dfd.Series([1, 2])])
      await expect(readDataset(source)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_ARGUMENT' })
  })
})
