import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { metricsAsParquet, runsAsParquet } from '../../src/export/parquet.ts'
import { folderOf } from '../support/folder.ts'
import type { MetricSeries } from '../../src/store/metrics/series.ts'

const PYTHON = join('.peers', 'tables', 'bin', 'python')

/** Read a file with pyarrow: the types of its columns, and its rows with floats as their hexadecimal digits. */
async function readBack(pieces: AsyncIterable<Uint8Array>): Promise<unknown> {
  const path = join(folderOf(), 'written.parquet')
  const all: Uint8Array[] = []
  for await (const piece of pieces) all.push(piece)
  writeFileSync(path, Buffer.concat(all))
  const program = `import json, sys, datetime, pyarrow.parquet
table = pyarrow.parquet.read_table(sys.argv[1])
table.validate(full=True)
def plain(value):
    if isinstance(value, datetime.datetime): return value.isoformat()
    return value.hex() if isinstance(value, float) else value
print(json.dumps({"types": {field.name: str(field.type) for field in table.schema},
    "groups": pyarrow.parquet.ParquetFile(sys.argv[1]).num_row_groups,
    "rows": [[plain(value) for value in row.values()] for row in table.to_pylist()]}))`
  return JSON.parse(
    execFileSync(PYTHON, ['-c', program, path], { encoding: 'utf8', maxBuffer: 1 << 28 }),
  ) as unknown
}

test('pyarrow reads the runs of a list, each column with its type', async () => {
  const columns = ['id', 'started', 'tags', 'params.lr', 'params.mixed', 'params.on', 'metrics.loss', 'id']
  const rows = [
    ['a', '2026-01-01T00:00:00.500Z', ['x', 'é'], 0.1, 1, true, NaN, 'a'],
    ['b\ud800', 'no time', [], null, { k: 'v' }, false, -Infinity, 'b\ud800'],
    ['c', null, null, -0, 'text', null, null, 'c'],
  ].map((row) => Object.fromEntries(row.map((value, index) => [columns[index] ?? '', value])))
  expect(await readBack(runsAsParquet(columns, rows))).toEqual({
    types: {
      id: 'string',
      started: 'timestamp[ms, tz=UTC]',
      tags: 'list<element: string>',
      'params.lr': 'double',
      'params.mixed': 'string',
      'params.on': 'bool',
      'metrics.loss': 'double',
    },
    groups: 1,
    rows: [
      ['a', '2026-01-01T00:00:00.500000+00:00', ['x', 'é'], '0x1.999999999999ap-4', '1', true, 'nan'],
      ['b\ufffd', null, [], null, '{"k":"v"}', false, '-inf'],
      ['c', null, null, '-0x0.0p+0', 'text', null, null],
    ],
  })
  expect(await readBack(runsAsParquet(['id', 'tags'], []))).toMatchObject({ rows: [] })
})

test('pyarrow reads every value of series, over several row groups', async () => {
  const count = 150_000
  const series: MetricSeries = {
    run: 'late',
    name: 'loss',
    steps: Float64Array.from({ length: count }, (_, index) => (index % 3 === 0 ? NaN : index)),
    times: Float64Array.from({ length: count }, (_, index) => (index === 5 ? NaN : index * 1000)),
    values: Float64Array.from({ length: count }, (_, index) => (index === 7 ? NaN : Math.sin(index))),
    parts: [
      { run: 'early', count: 10, replaced: 0 },
      { run: 'late', count: count - 10, replaced: 0 },
    ],
  }
  const read = (await readBack(metricsAsParquet([series]))) as { groups: number; rows: unknown[][] }
  expect(read.groups).toBe(2)
  expect(read.rows.length).toBe(count)
  expect(read.rows[5]).toEqual(['late', 'loss', '0x1.4000000000000p+2', null, expect.any(String), 'early'])
  expect(read.rows[7]).toMatchObject({ 4: 'nan', 5: 'early' })
  expect(read.rows[12]).toMatchObject({ 2: null, 3: '1970-01-01T00:00:12+00:00', 5: 'late' })
  const values = read.rows.map((row) => row[4])
  const wanted = execFileSync(
    PYTHON,
    ['-c', 'import json, sys; print(json.dumps([float(value).hex() for value in json.load(sys.stdin)]))'],
    {
      input: JSON.stringify([...series.values].map((value, index) => (index === 7 ? 0 : value))),
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    },
  )
  expect(values).toEqual((JSON.parse(wanted) as string[]).with(7, 'nan'))
})
