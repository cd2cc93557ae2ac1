/** Data frames of nodejs-polars and danfojs, by objects with the members that these have. */
import { copyFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { batchMessages, schemaMessage, STREAM_END } from '../../../src/dataset/memory/arrow-stream.ts'
import { tableOfDanfo } from '../../../src/dataset/memory/frames.ts'
import { readDataset } from '../../../src/dataset/read.ts'
import { hashTable } from '../../../src/dataset/table.ts'
import { isFolder } from '../../../src/util/fs.ts'
import { keptFolder } from '../../support/kept-folder.ts'

async function digestOf(source: object): Promise<string> {
  return String((await readDataset(source)).digest)
}

/** A frame as danfojs 1.2.0 makes it: its columns are arrays of values, and every column gives a series. */
class DanfoFrame {
  readonly columns: readonly string[]
  readonly dtypes: readonly string[]
  readonly index: readonly (number | string)[]
  readonly shape: readonly number[]
  readonly #values: Readonly<Record<string, readonly unknown[]>>

  constructor(values: Readonly<Record<string, readonly unknown[]>>, index?: readonly (number | string)[]) {
    this.columns = Object.keys(values)
    // The dtypes of danfojs are a guess from the first values.
    this.dtypes = this.columns.map(() => 'int32')
    const rows = Object.values(values)[0]?.length ?? 0
    this.index = index ?? Array.from({ length: rows }, (_, row) => row)
    this.shape = [rows, this.columns.length]
    this.#values = values
  }

  column(name: string): { readonly values: readonly unknown[] } {
    return { values: this.#values[name] ?? [] }
  }

  setIndex(): DanfoFrame {
    return this
  }
}

test('a frame of danfojs is the table of its values, and its index counts', async () => {
  const values = { id: [1, 2.5, 3], name: ['ann', null, 'é'], ok: [true, false, null] }
  const rows = [0, 1, 2].map((row) => ({ id: values.id[row], name: values.name[row], ok: values.ok[row] }))
  const wanted = await digestOf(rows)
  expect(await digestOf(new DanfoFrame(values))).toBe(wanted)
  const labels = ['a', 'b', 'c']
  expect(await digestOf(new DanfoFrame(values, labels))).toBe(
    await digestOf(rows.map((row, at) => ({ ...row, __index_level_0__: labels[at] }))),
  )
  expect(await digestOf(new DanfoFrame(values, [1, 2, 3]))).not.toBe(wanted)
  const splits = { train: new DanfoFrame(values), test: new DanfoFrame(values) }
  expect(await digestOf(splits)).toBe(await digestOf({ train: rows, test: rows }))
})

test('a frame of danfojs with mixed values, or a column or an index of another length, is refused', async () => {
  const refused = { code: 'ERR_LINEAPRINT_ARGUMENT' }
  await expect(readDataset(new DanfoFrame({ a: [1, 'x'] }))).rejects.toMatchObject(refused)
  await expect(readDataset(new DanfoFrame({ a: [1, 2], b: [1] }))).rejects.toMatchObject(refused)
  expect(() => tableOfDanfo(new DanfoFrame({ a: [1, 2] }, [0]))).toThrow('another length')
})

test('a frame of nodejs-polars is the table that it writes, and its file does not stay', async () => {
  const stream = join(keptFolder(), 'frame.arrows')
  const fields = [{ name: 'id', type: { kind: 'int', bits: 8, isSigned: true } }] as const
  const column = { length: 2, nulls: 0, buffers: [new Uint8Array(), Uint8Array.of(7, 255)] }
  const batch = batchMessages(fields, { rows: 2, columns: [column] }, new Map())
  writeFileSync(stream, Buffer.concat([...schemaMessage(fields), ...batch, STREAM_END]))
  const written: string[] = []
  const members = {
    getColumns: () => [],
    toRecords: () => [],
    writeIPCStream: (path: string) => {
      written.push(path)
      copyFileSync(stream, path)
    },
  }
  // As in the library, the operator `in` sees the columns alone.
  const frame = new Proxy(members, { has: (_, name) => name === 'id' })
  expect(await digestOf(frame)).toBe(
    String((await hashTable(Buffer.from('id\n7\n-1\n'), { format: 'csv', schema: { id: 'int8' } })).digest),
  )
  expect(written).toHaveLength(1)
  expect(await isFolder(dirname(written[0] ?? ''))).toBe(false)
  const failing = {
    ...members,
    writeIPCStream: () => {
      throw new Error('no space')
    },
  }
  await expect(readDataset(failing)).rejects.toThrow('no space')
})
