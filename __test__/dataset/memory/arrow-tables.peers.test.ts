/** Tables of apache-arrow, flechette and arquero, against the files of pyarrow that they were read from. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { readDataset } from '../../../src/dataset/read.ts'
import { hashTable } from '../../../src/dataset/table.ts'
import { keptFolder } from '../../support/kept-folder.ts'
import type { TableHash } from '../../../src/dataset/table.ts'

const python = resolve('.peers/tables/bin/python')
const packages = resolve('.peers/javascript/package.json')

/** What the tests use of the packages, which the package itself does not depend on. */
interface ArrowTable {
  readonly numRows: number
  slice(start: number, end: number): object
  select(names: readonly string[]): object
}
interface ArrowVector {
  slice(start: number, end: number): ArrowVector
  concat(other: ArrowVector): ArrowVector
}
interface Packages {
  readonly arrow: {
    tableFromIPC(bytes: Uint8Array): ArrowTable
    tableToIPC(table: object): Uint8Array
    vectorFromArray(values: ArrayLike<unknown>, type?: object): ArrowVector
    readonly Table: new (columns: object) => ArrowTable
    readonly Field: new (name: string, type: object, isNullable: boolean) => object
    readonly Struct: new (fields: readonly object[]) => object
    readonly List: new (item: object) => object
    readonly FixedSizeList: new (size: number, item: object) => object
    readonly Dictionary: new (values: object, indices: object) => object
    readonly Null: new () => object
    readonly Int32: new () => object
    readonly Float64: new () => object
    readonly Bool: new () => object
    readonly Utf8: new () => object
  }
  readonly flechette: { tableFromIPC(bytes: Uint8Array, options?: object): object }
  readonly aq: {
    fromArrow(bytes: Uint8Array): Arquero
    table(columns: object): Arquero
  }
}
interface Arquero {
  filter(condition: (row: { id: number }) => boolean): object
  orderby(name: string): object
  groupby(name: string): object
  derive(columns: object): object
  reify(): object
}

const WRITE = `
import datetime as dt, decimal, random, sys
import pyarrow as pa, pyarrow.feather, pyarrow.parquet as pq
random.seed(11)
rows = 1000
def some(make): return [None if random.random() < 0.2 else make() for _ in range(rows)]
word = lambda: random.choice(["a", "bb", "", "é😀"])
columns = {
    "id": pa.array(range(rows), pa.int64()), "i8": pa.array(some(lambda: random.randrange(-128, 128)), pa.int8()),
    "u64": pa.array(some(lambda: random.randrange(2**64)), pa.uint64()), "f64": pa.array(some(random.random), pa.float64()),
    "f32": pa.array(some(random.random), pa.float32()), "f16": pa.array(some(lambda: random.randrange(9) / 2), pa.float16()),
    "flag": pa.array(some(lambda: random.random() < 0.5), pa.bool_()), "text": pa.array(some(word), pa.string()),
    "large": pa.array(some(word), pa.large_string()), "bytes": pa.array(some(lambda: word().encode()), pa.binary()),
    "fixed": pa.array(some(lambda: random.randbytes(3)), pa.binary(3)),
    "price": pa.array(some(lambda: decimal.Decimal(random.randrange(-10**9, 10**9)).scaleb(-2)), pa.decimal128(12, 2)),
    "day": pa.array(some(lambda: dt.date(1960, 1, 1) + dt.timedelta(random.randrange(30_000))), pa.date32()),
    "date64": pa.array(some(lambda: dt.date(1960, 1, 1) + dt.timedelta(random.randrange(30_000))), pa.date64()),
    "us": pa.array(some(lambda: random.randrange(-10**16, 10**16)), pa.timestamp("us")),
    "zone": pa.array(some(lambda: random.randrange(10**12)), pa.timestamp("ms", "Europe/Berlin")),
    "time": pa.array(some(lambda: random.randrange(86_400_000)), pa.time32("ms")),
    "duration": pa.array(some(lambda: random.randrange(10**9)), pa.duration("ns")),
    "tags": pa.array(some(lambda: [random.choice([None, "x", "yy"]) for _ in range(random.randrange(4))]), pa.list_(pa.string())),
    "pair": pa.array(some(lambda: [random.random(), None]), pa.list_(pa.float32(), 2)),
    "point": pa.array(some(lambda: {"x": random.random(), "y": random.choice([None, 1, 2])}), pa.struct([("x", pa.float64()), ("y", pa.int32())])),
    "map": pa.array(some(lambda: [(word(), random.choice([None, 1]))]), pa.map_(pa.string(), pa.int16())),
    "word": pa.array(some(word)).dictionary_encode(), "null": pa.nulls(rows),
}
table = pa.table(columns)
out = sys.argv[1]
def write(name, table):
    pq.write_table(table, f"{out}/{name}.parquet")
    with pa.ipc.new_stream(f"{out}/{name}.arrows", table.schema) as writer: writer.write_table(table)
write("all", table)
write("sliced", table.slice(13, 700))
write("none", table.slice(0, 0))
with pa.ipc.new_stream(f"{out}/chunks.arrows", table.schema) as writer:
    for start in range(0, rows, 77): writer.write_table(table.slice(start, 77))
`

const isThere =
  existsSync(python) && existsSync(packages) && existsSync(join(packages, '../node_modules/apache-arrow'))

describe.skipIf(!isThere)('tables of Arrow libraries', () => {
  let folder = ''
  let all: Packages
  const wanted: Record<string, TableHash> = {}

  beforeAll(async () => {
    folder = keptFolder()
    const { status, stderr } = spawnSync(python, ['-B', '-c', WRITE, folder], { encoding: 'utf8' })
    if (status !== 0) throw new Error(stderr)
    const from = createRequire(packages)
    all = {
      arrow: from('apache-arrow') as Packages['arrow'],
      flechette: (await import(from.resolve('@uwdata/flechette'))) as Packages['flechette'],
      aq: (await import(from.resolve('arquero'))) as Packages['aq'],
    }
    for (const name of ['all', 'sliced', 'none'])
      wanted[name] = await hashTable(join(folder, `${name}.parquet`))
  }, 120_000)

  const bytesOf = (name: string): Buffer => readFileSync(join(folder, `${name}.arrows`))

  test.each([
    ['all', 'all'],
    ['chunks', 'all'],
    ['sliced', 'sliced'],
    ['none', 'none'],
  ])('%s: every type, as in Parquet', async (file, table) => {
    const { digest, columns } = wanted[table] ?? {}
    for (const source of [all.arrow.tableFromIPC(bytesOf(file)), all.flechette.tableFromIPC(bytesOf(file))]) {
      const found = await readDataset(source)
      expect(found.table?.columns.map(({ name, type, digest: own }) => [name, type, String(own)])).toEqual(
        columns?.map(({ name, type, digest: own }) => [name, type, String(own)]),
      )
      expect(found.digest).toEqual(digest)
    }
  })

  test('a slice of a table, of one piece and of several', async () => {
    for (const file of ['all', 'chunks']) {
      const sliced = all.arrow.tableFromIPC(bytesOf(file)).slice(13, 713)
      expect((await readDataset(sliced)).digest).toEqual(wanted['sliced']?.digest)
    }
  })

  test('statistics and null counts are those of the file', async () => {
    const file = await hashTable(join(folder, 'all.parquet'), { statistics: true })
    const { table } = await readDataset(all.arrow.tableFromIPC(bytesOf('chunks')))
    const figures = (columns: TableHash['columns'] = []): unknown =>
      columns.map(({ name, statistics }) => [name, statistics])
    expect(figures(table?.columns as TableHash['columns'])).toEqual(figures(file.columns))
  })

  test('without columns, the rows still count', async () => {
    const none = all.arrow.tableFromIPC(bytesOf('all')).select([])
    expect((await readDataset(none)).table).toMatchObject({ rows: 1000, columns: [] })
  })

  test('a table of arquero is that of its rows as it shows them', async () => {
    const { aq } = all
    const columns = { id: [3, 1, 2], name: ['c', 'a', null], f: Float32Array.of(3, 1, 2) }
    const schema = { id: 'float64', name: 'utf8', f: 'float32' }
    const digestOf = async (text: string): Promise<string> =>
      String((await hashTable(Buffer.from(`id,name,f\n${text}\n`), { format: 'csv', schema })).digest)
    const table = aq.table(columns)
    expect(String((await readDataset(table)).digest)).toBe(await digestOf('3,c,3\n1,a,1\n2,,2'))
    expect(String((await readDataset(table.orderby('id'))).digest)).toBe(await digestOf('1,a,1\n2,,2\n3,c,3'))
    expect(String((await readDataset(table.filter((row) => row.id > 1))).digest)).toBe(
      await digestOf('3,c,3\n2,,2'),
    )
    const kept = ['id', 'i8', 'f64', 'text', 'tags', 'point']
    const stream = all.arrow.tableToIPC(all.arrow.tableFromIPC(bytesOf('all')).select(kept))
    expect((await readDataset(aq.fromArrow(stream))).digest).toEqual(
      (await hashTable(stream, { format: 'arrow' })).digest,
    )
  })

  test('rows that are null without a value, with which a shorter column is filled up, also of a slice', async () => {
    const { arrow } = all
    const item = (type: object): object => new arrow.Field('item', type, true)
    const kinds: readonly (readonly [type: object, value: (at: number) => unknown])[] = [
      [new arrow.Int32(), (at) => at],
      [new arrow.Bool(), (at) => at % 2 === 0],
      [new arrow.Utf8(), (at) => `x${at}`],
      [new arrow.Dictionary(new arrow.Utf8(), new arrow.Int32()), (at) => `x${at % 5}`],
      [new arrow.List(item(new arrow.Utf8())), (at) => [`${at}`, null]],
      [new arrow.FixedSizeList(2, item(new arrow.Float64())), (at) => [at, null]],
      [new arrow.Struct([item(new arrow.Int32())]), (at) => ({ item: at })],
      [new arrow.List(item(new arrow.Null())), () => [null]],
      [new arrow.Null(), () => null],
    ]
    for (const [type, value] of kinds) {
      const column = (rows: number, valid: number): ArrowVector =>
        arrow.vectorFromArray(
          Array.from({ length: rows }, (_, at) => (at < valid && at % 3 > 0 ? value(at) : null)),
          type,
        )
      const id = arrow.vectorFromArray(Int32Array.from({ length: 20 }, (_, at) => at))
      const digestOf = async (source: object): Promise<string> => String((await readDataset(source)).digest)
      for (const valid of [13, 0]) {
        const filled = new arrow.Table({ id, c: column(valid, valid) })
        const stated = new arrow.Table({ id, c: column(20, valid) })
        expect(await digestOf(filled)).toBe(await digestOf(stated))
        for (const [start, end] of [
          [5, 18],
          [14, 20],
          [0, 3],
        ] as const)
          // prettier-ignore
          expect(await digestOf(filled.slice(start, end))).toBe(await digestOf(stated.slice(start, end)))
      }
      const part = column(20, 20).slice(2, 9)
      const filled = new arrow.Table({ id, c: part.concat(part.slice(1, 4)) })
      const rows = [2, 3, 4, 5, 6, 7, 8, 3, 4, 5].map((at) => (at % 3 > 0 ? value(at) : null))
      const stated = [...rows, ...Array<null>(10).fill(null)]
      expect(await digestOf(filled)).toBe(
        await digestOf(new arrow.Table({ id, c: arrow.vectorFromArray(stated, type) })),
      )
    }
  })

  test('a column alone, groups and a buffer that was transferred are refused', async () => {
    const table = all.arrow.tableFromIPC(bytesOf('all'))
    const vector = all.arrow.vectorFromArray([1, 2])
    for (const source of [vector])
      await expect(readDataset(source)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_ARGUMENT' })
    const { batches } = table as unknown as {
      batches: { data: { children: { values: Uint8Array<ArrayBuffer> }[] } }[]
    }
    const buffer = batches[0]?.data.children[0]?.values.buffer ?? new ArrayBuffer(0)
    structuredClone(buffer, { transfer: [buffer] })
    await expect(readDataset(table)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_ARGUMENT' })
  })
})

/** What the tests use of TensorFlow.js. */
interface Tfjs {
  tensor2d(values: readonly (readonly number[])[], shape?: undefined, dtype?: string): object
  tensor1d(values: readonly unknown[], dtype: string): { dispose(): void }
  memory(): { readonly numTensors: number }
}
interface TfData {
  array(items: readonly unknown[]): { batch(size: number): object }
  generator(make: () => Generator): object
}

describe.skipIf(!isThere)('TensorFlow.js', () => {
  let tf: Tfjs
  let data: TfData
  beforeAll(() => {
    const from = createRequire(packages)
    tf = from('@tensorflow/tfjs-core') as Tfjs
    from('@tensorflow/tfjs-backend-cpu')
    data = from('@tensorflow/tfjs-data') as TfData
  })

  test('a tensor is the array of its elements', async () => {
    const { digest } = await readDataset({ data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] })
    expect((await readDataset(tf.tensor2d([[1, 2], [3, 4]]))).digest).toEqual(digest) // prettier-ignore
    expect(await readDataset(tf.tensor1d([true, false], 'bool'))).toMatchObject({
      kind: 'array',
      dtype: 'BOOL',
    })
    await expect(readDataset(tf.tensor1d(['a'], 'string'))).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_UNSUPPORTED',
    })
    const gone = tf.tensor1d([1], 'float32')
    gone.dispose()
    await expect(readDataset(gone)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_UNREADABLE' })
  })

  test('tf.data is a sequence of its items, and leaves no tensor behind', async () => {
    const items = [
      { xs: [1, 2], ys: 3 },
      { xs: [4, 5], ys: 6 },
    ]
    const before = tf.memory().numTensors
    const { sequence } = await readDataset(data.array(items))
    expect(sequence).toMatchObject({ format: 'items', records: 2 })
    const batches = await readDataset(data.array(items).batch(2))
    expect(batches.sequence?.records).toBe(1)
    expect(batches.digest).not.toEqual(sequence?.digest)
    expect(tf.memory().numTensors).toBe(before)
    const failing = data.generator(function* () {
      yield 1
      throw new Error('half-way')
    })
    await expect(readDataset(failing)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_UNREADABLE' })
  })
})
