/** Statistics of columns that pyarrow wrote, against those that Python calculates with fractions. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { hashTable } from '../../src/dataset/table.ts'
import { keptFolder } from '../support/kept-folder.ts'
import type { ColumnStatistics } from '../../src/dataset/statistics.ts'

const python = join(import.meta.dirname, '../../.peers/tables/bin/python')

const WRITE = `
import json, math, random, sys
from fractions import Fraction
import pyarrow as pa, pyarrow.compute as pc, pyarrow.feather, pyarrow.parquet as pq
random.seed(11)
rows = 100_000
def some(make):
    return [None if random.random() < 0.1 else make() for _ in range(rows)]
table = pa.table({
    "id": pa.array(range(rows), pa.int64()),
    "small": pa.array(some(lambda: random.randrange(-128, 128)), pa.int8()),
    "unsigned": pa.array(some(lambda: random.randrange(2**64)), pa.uint64()),
    "label": pa.array(some(lambda: random.randrange(10)), pa.int32()),
    "normal": pa.array(some(lambda: random.gauss(0, 1)), pa.float64()),
    "wide": pa.array(some(lambda: random.gauss(0, 1) * 10.0 ** random.randrange(-300, 300)), pa.float64()),
    "near": pa.array(some(lambda: 1e6 + random.random() * 1e-9), pa.float64()),
    "tiny": pa.array(some(lambda: random.choice([5e-324, -5e-324, 0.0, 1e-310])), pa.float64()),
    "mixed": pa.array(some(lambda: random.choice([-5e-324, 0.0, -0.0, 40.0, -7.5])), pa.float64()),
    "single": pa.array(some(lambda: random.random()), pa.float32()),
    "special": pa.array(some(lambda: random.choice([math.nan, math.inf, -math.inf, 2.5, -0.0])), pa.float64()),
    "flag": pa.array(some(lambda: random.random() < 0.5), pa.bool_()),
    "text": pa.array(some(lambda: "é" * random.randrange(0, 40)), pa.string()),
    "word": pa.array(some(lambda: random.choice(["a", "bb", "ccc"])), pa.string()).dictionary_encode(),
    "tags": pa.array(some(lambda: [1] * random.randrange(5)), pa.list_(pa.int8())),
})
out = sys.argv[1]
pq.write_table(table, f"{out}/t.parquet", row_group_size=30_000)
pq.write_table(table, f"{out}/t.zstd.parquet", compression="zstd", use_dictionary=False)
pa.feather.write_feather(table, f"{out}/t.feather", compression="uncompressed")

def number(value):
    return str(value) if isinstance(value, int) and abs(value) > 2**53 - 1 else value
def histogram(values, lowest):
    e = lowest
    low, high = Fraction(min(values)), Fraction(max(values))
    width = Fraction(2) ** e
    while math.floor(high / width) - math.floor(low / width) > 31:
        width *= 2
    first, last = math.floor(low / width), math.floor(high / width)
    counts = [0] * (last - first + 1)
    for value in values:
        counts[math.floor(Fraction(value) / width) - first] += 1
    whole = isinstance(values[0], int)
    shown = (lambda n: number(int(n))) if whole else float
    return {"from": shown(first * width), "width": shown(width), "counts": counts}
result = {}
for name, column in zip(table.column_names, table.columns):
    values = [value for value in column.to_pylist() if value is not None]
    s = {"nulls": rows - len(values)}
    kind = column.type
    if pa.types.is_floating(kind) or pa.types.is_integer(kind):
        if pa.types.is_floating(kind):
            for key, count in [("nan", sum(map(math.isnan, values))), ("infinity", values.count(math.inf)), ("negativeInfinity", values.count(-math.inf))]:
                if count:
                    s[key] = count
            values = [value + 0.0 for value in values if math.isfinite(value)]
            lowest = max(math.frexp(max(map(abs, values)))[1] - 53, -1074)
        else:
            lowest = 0
        s["minimum"], s["maximum"] = number(min(values)), number(max(values))
        mean = sum(map(Fraction, values), Fraction(0)) / len(values)
        s["mean"] = float(mean)
        s["histogram"] = histogram(values, lowest)
    elif kind == pa.bool_():
        s["trues"] = sum(values)
    elif pa.types.is_list(kind):
        s["shortest"], s["longest"] = min(map(len, values)), max(map(len, values))
    else:
        lengths = [len(value.encode()) for value in values]
        s["shortest"], s["longest"] = min(lengths), max(lengths)
    result[name] = s
print(json.dumps(result))
`

describe.skipIf(!existsSync(python))('statistics of the columns of pyarrow', () => {
  let folder = ''
  let expected: Record<string, ColumnStatistics> = {}

  beforeAll(() => {
    folder = keptFolder()
    const { status, stdout, stderr } = spawnSync(python, ['-B', '-c', WRITE, folder], {
      encoding: 'utf8',
      maxBuffer: 1 << 24,
    })
    if (status !== 0) throw new Error(stderr)
    expected = JSON.parse(stdout) as Record<string, ColumnStatistics>
  }, 240_000)

  test.each([
    ['t.parquet', { threads: 2 }],
    ['t.zstd.parquet', { threads: 1 }],
    ['t.feather', {}],
    ['t.parquet', { unordered: true }],
  ])('%s has the exact ones, with %o', async (file, options) => {
    const { columns } = await hashTable(join(folder, file), { ...options, statistics: true })
    expect(columns.length).toBe(15)
    for (const { name, statistics } of columns) expect(statistics, name).toEqual(expected[name])
  })
})
