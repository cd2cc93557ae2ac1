/** Files that pyarrow and Polars wrote: one table in every form that they have. */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { hashTable } from '../../src/dataset/table.ts'
import { keptFolder } from '../support/kept-folder.ts'
import type { TableHash } from '../../src/dataset/table.ts'

const ROOT = join(import.meta.dirname, '../..')
const python = join(ROOT, '.peers/tables/bin/python')

const WRITE = `
import datetime as dt, decimal, random, sys
import polars as pl, pyarrow as pa, pyarrow.csv, pyarrow.feather, pyarrow.parquet as pq
random.seed(7)
rows = 100_000
utc = dt.timezone.utc
def some(make):
    return [None if random.random() < 0.1 else make() for _ in range(rows)]
columns = {
    "id": pa.array(range(rows), pa.int64()),
    "small": pa.array(some(lambda: random.randrange(-128, 128)), pa.int8()),
    "unsigned": pa.array(some(lambda: random.randrange(2**64)), pa.uint64()),
    "ratio": pa.array(some(lambda: random.gauss(0, 1) * 10.0 ** random.randrange(-300, 300)), pa.float64()),
    "single": pa.array(some(lambda: random.random()), pa.float32()),
    "flag": pa.array(some(lambda: random.random() < 0.5), pa.bool_()),
    "word": pa.array(some(lambda: random.choice(["a", "bb", "quote \\" and, comma", "line\\nend", "é😀"])), pa.string()),
    "text": pa.array(some(lambda: "x" * random.randrange(1, 40) + str(random.random())), pa.string()),
    "price": pa.array(some(lambda: decimal.Decimal(random.randrange(-10**9, 10**9)).scaleb(-2)), pa.decimal128(12, 2)),
    "day": pa.array(some(lambda: dt.date(1600, 1, 1) + dt.timedelta(random.randrange(300_000))), pa.date32()),
    "moment": pa.array(some(lambda: dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=random.randrange(-10**16, 10**16))), pa.timestamp("us")),
    "instant": pa.array(some(lambda: dt.datetime(1970, 1, 1, tzinfo=utc) + dt.timedelta(milliseconds=random.randrange(10**13))), pa.timestamp("ms", "UTC")),
}
flat = pa.table(columns)
nested = flat.select(["id"]).append_column(
    "tags", pa.array(some(lambda: [random.choice([None, "x", "yy"]) for _ in range(random.randrange(4))]), pa.list_(pa.string()))
).append_column(
    "point", pa.array(some(lambda: {"x": random.random(), "y": random.choice([None, 1, 2])}), pa.struct([("x", pa.float64()), ("y", pa.int32())]))
)
out = sys.argv[1]
for name, table in [("flat", flat), ("nested", nested)]:
    for codec in ["none", "snappy", "gzip", "brotli", "zstd", "lz4"]:
        pq.write_table(table, f"{out}/{name}.{codec}.parquet", compression=codec, row_group_size=30_000)
    pq.write_table(table, f"{out}/{name}.v2.parquet", data_page_version="2.0", use_dictionary=False, data_page_size=10_000)
    pq.write_table(table, f"{out}/{name}.unsigned.parquet", store_schema=False)
    for codec in ["uncompressed", "lz4", "zstd"]:
        pa.feather.write_feather(table, f"{out}/{name}.{codec}.feather", compression=codec)
    frame = pl.from_arrow(table)
    frame.write_parquet(f"{out}/{name}.polars.parquet", row_group_size=20_000)
    frame.write_ipc(f"{out}/{name}.polars.arrow", compression="zstd")
    frame.write_ipc_stream(f"{out}/{name}.polars.arrows")
encodings = {"id": "DELTA_BINARY_PACKED", "ratio": "BYTE_STREAM_SPLIT", "word": "DELTA_BYTE_ARRAY", "text": "DELTA_LENGTH_BYTE_ARRAY"}
pq.write_table(flat, f"{out}/flat.encodings.parquet", use_dictionary=False, column_encoding=encodings)
pl.from_arrow(flat).with_columns(pl.col("word").cast(pl.Categorical)).write_parquet(f"{out}/flat.categories.parquet")
pa.csv.write_csv(flat, f"{out}/flat.csv")
frame = pl.from_arrow(flat)
frame.write_csv(f"{out}/flat.polars.csv", datetime_format=None)
`

describe.skipIf(!existsSync(python))('files of pyarrow and Polars', () => {
  let folder = ''
  let files: readonly string[] = []
  const wanted: Record<string, TableHash> = {}

  beforeAll(async () => {
    folder = keptFolder()
    const { status, stderr } = spawnSync(python, ['-B', '-c', WRITE, folder], { encoding: 'utf8' })
    if (status !== 0) throw new Error(stderr)
    files = readdirSync(folder)
    for (const name of ['flat', 'nested'])
      wanted[name] = await hashTable(join(folder, `${name}.none.parquet`))
  }, 120_000)

  test('every form of a table is the same table', async () => {
    const forms = files.filter((file) => !file.endsWith('csv'))
    expect(forms.length).toBe(30)
    for (const file of forms) {
      const { digest, columns } = await hashTable(join(folder, file))
      const same = wanted[file.split('.')[0] ?? '']
      expect(
        columns.map(({ name, type }) => `${name} ${type}`),
        file,
      ).toEqual(same?.columns.map(({ name, type }) => `${name} ${type}`))
      expect(digest.toString(), file).toBe(same?.digest.toString())
    }
  })

  test.each(['flat.csv', 'flat.polars.csv'])('%s is the same under its types', async (file) => {
    const { columns, digest } = wanted['flat'] ?? (await hashTable(''))
    const schema = Object.fromEntries(columns.map(({ name, type }) => [name, type]))
    const table = await hashTable(join(folder, file), { schema })
    const found = table.columns.filter(
      (column, index) => !column.digest?.equals(columns[index]?.digest ?? digest),
    )
    expect(found.map(({ name }) => name)).toEqual([])
    expect(table.digest.toString()).toBe(digest.toString())
  })
})
