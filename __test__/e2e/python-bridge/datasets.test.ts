/** Tables of Polars and pyarrow in the memory of a program, against the Parquet files that they write of them. */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { readDataset } from '../../../src/dataset/read.ts'
import { hashTable } from '../../../src/dataset/table.ts'
import { python } from './support.ts'

const interpreter = resolve('.peers/tables/bin/python')
const SLOW = { timeout: 120_000 }

test.skipIf(!existsSync(interpreter))(
  'tables equal their Parquet files, however they are chunked',
  SLOW,
  async () => {
    const { said, stderr, root, record } = await python(
      `import lineaprint, datetime as dt, decimal
import polars as pl, pyarrow as pa, pyarrow.parquet as pq
rows = 70_000
table = pa.table({"id": pa.array(range(rows), pa.int32()), "text": pa.array([None if at % 7 == 0 else "t%d" % at for at in range(rows)]),
  "price": pa.array([decimal.Decimal(at).scaleb(-2) for at in range(rows)], pa.decimal128(12, 2)), "tags": pa.array([["x"] * (at % 3) for at in range(rows)]),
  "zone": pa.array(range(rows), pa.timestamp("us", "UTC")), "word": pa.array(["a", "b"] * (rows // 2)).dictionary_encode()})
pq.write_table(table, "table.parquet")
def report(source, name):
    found = lineaprint.track_dataset(source, name)
    return found and found["digest"]
parts = pa.concat_tables([table.slice(0, 3), table.slice(3, 0), table.slice(3)])
say(report(table, "pyarrow"), report(parts, "parts"), report(pl.from_arrow(table), "polars"), report(pl.concat([pl.from_arrow(table[:9]), pl.from_arrow(table[9:])], rechunk=False), "polars parts"))
say(report(table.slice(5), "slice"), report(pl.from_arrow(table).slice(5), "polars slice"))
class Exporter:
    def __arrow_c_stream__(self, requested_schema=None): return table.__arrow_c_stream__(requested_schema)
say(report(Exporter(), "stream"))
say(lineaprint.track_dataset({"train": table, "test": pl.from_arrow(table[:1])}, "splits")["digest"])
os.environ["LINEAPRINT_STRICT"] = "1"
for source in (table["id"], table.to_reader(), pl.from_arrow(table).lazy(), pl.Series("a", [1]), pl.DataFrame({"a": [object()]}), {"train": table, "x": b"x"}, {}, {"a": {}}, {1: table},
               pa.table({"a": pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1])])})):
    try: say(report(source, "no"))
    except lineaprint.LineaprintError as error: say(error.code)`,
      { interpreter: [interpreter] },
    )
    expect(stderr).not.toContain('Traceback')
    const { digest } = await hashTable(`${root}/table.parquet`)
    expect(said.slice(0, 4)).toEqual(Array(4).fill(digest.toString()))
    expect(said[4]).toBe(said[5])
    expect(said[4]).not.toBe(said[0])
    expect(said[6]).toBe(digest.toString())
    expect(said[7]).toMatch(/^splits\.v1\.blake3:/)
    const [argument, unsupported] = ['ERR_LINEAPRINT_ARGUMENT', 'ERR_LINEAPRINT_UNSUPPORTED']
    expect(said.slice(8)).toEqual([
      unsupported,
      argument,
      ...Array<string>(3).fill(unsupported),
      ...Array<string>(4).fill(argument),
      unsupported,
    ])
    const entry = record.datasets['pyarrow']
    expect(entry).toMatchObject({
      status: 'tracked',
      kind: 'memory',
      table: {
        rows: 70_000,
        columns: [
          { name: 'id', type: 'int32', statistics: { nulls: 0 } },
          { statistics: { nulls: 10_000 } },
          {},
          {},
          {},
          { type: 'utf8' },
        ],
      },
    })
  },
)

test.skipIf(!existsSync(interpreter))(
  'the Arrow C stream is read without pyarrow, with every type of it',
  SLOW,
  async () => {
    const { said, stderr, root } = await python(
      `import lineaprint, polars as pl, datetime as dt, decimal
class Exporter:
    def __init__(self, frame): self.frame = frame
    def __arrow_c_stream__(self, requested_schema=None): return self.frame.__arrow_c_stream__(requested_schema)
word = ["a", None, "", "é😀", "longer than twelve bytes"]
frame = pl.DataFrame({"id": range(70_000), "text": word * 14_000, "flag": [True, None, False, True] * 17_500})
frame.write_parquet("flat.parquet")
say("pyarrow" in sys.modules, lineaprint.track_dataset(Exporter(frame), "flat")["digest"], lineaprint.track_dataset(Exporter(frame.slice(3)), "slice")["digest"])
frame.slice(3).write_parquet("slice.parquet")
import io, pyarrow as pa
from lineaprint import _arrow_stream
at = lambda *values: [values[at % len(values)] for at in range(1000)]
table = pa.table({"i8": pa.array(at(1, None, -128), pa.int8()), "u64": pa.array(at(2**64 - 1, None), pa.uint64()), "f16": pa.array(at(0.5, None), pa.float16()), "f64": pa.array(at(1.5, None, float("nan"))),
  "flag": pa.array(at(True, None, False)), "text": pa.array(at(*word)), "large": pa.array(at(*word), pa.large_string()), "view": pa.array(at(*word), pa.string_view()), "bytes": pa.array(at(b"a", None), pa.binary()),
  "fixed": pa.array(at(b"abc", None), pa.binary(3)), "price": pa.array(at(decimal.Decimal("1.25"), None), pa.decimal128(12, 2)), "wide": pa.array(at(decimal.Decimal(7), None), pa.decimal256(50, 0)),
  "day": pa.array(at(dt.date(1960, 1, 1), None)), "zone": pa.array(at(1, None), pa.timestamp("ms", "Europe/Berlin")), "us": pa.array(at(1, None), pa.timestamp("us")), "time": pa.array(at(1, None), pa.time32("ms")),
  "duration": pa.array(at(1, None), pa.duration("ns")), "tags": pa.array(at(["x", None], [], None)), "pair": pa.array(at([0.5, None], None), pa.list_(pa.float32(), 2)),
  "point": pa.array(at({"x": 1.5, "y": None}, None), pa.struct([("x", pa.float64()), ("y", pa.int32())])), "map": pa.array(at([("k", 1)], None, []), pa.map_(pa.string(), pa.int16())),
  "word": pa.array(at(*word)).dictionary_encode(), "null": pa.nulls(1000)})
def differing(source):
    file = io.BytesIO()
    _arrow_stream.write(source, file)
    back = pa.ipc.open_stream(file.getvalue()).read_all()
    back.validate(full=True)
    # NaN is not equal to itself.
    same = lambda a, b: a.combine_chunks().equals(b.combine_chunks()) or str(a.combine_chunks()) == str(b.combine_chunks())
    return [back.num_rows, back.schema.equals(source.schema), [name for name in source.column_names if not same(back[name], source[name])]]
say(*[differing(source) for source in (table, table.slice(13, 700), pa.concat_tables([table.slice(at, 77) for at in range(0, 1000, 77)]), table.slice(0, 0), table.select([]))])
class Failing:
    def __arrow_c_stream__(self, requested_schema=None):
        def batches():
            yield table.to_batches()[0]
            raise ValueError("half-way")
        return pa.RecordBatchReader.from_batches(table.schema, batches()).__arrow_c_stream__()
try: differing(Failing())
except lineaprint.LineaprintError as error: say(error.code)
os.environ["LINEAPRINT_STRICT"] = "1"
try: lineaprint.track_dataset(Failing(), "failing")
except Exception as error: say(type(error).__name__)
`,
      { interpreter: [interpreter] },
    )
    expect(stderr).not.toContain('Traceback')
    const [flat, slice] = await Promise.all(
      ['flat', 'slice'].map((name) => hashTable(`${root}/${name}.parquet`)),
    )
    expect(said.slice(0, 3)).toEqual([false, flat?.digest.toString(), slice?.digest.toString()])
    expect(said.slice(3)).toEqual([
      [1000, true, []],
      [700, true, []],
      [1000, true, []],
      [0, true, []],
      [1000, true, []],
      'ERR_LINEAPRINT_UNREADABLE',
      'LineaprintError',
    ])
  },
)

test('items have the same digest in both languages, and leave generators as they are', SLOW, async () => {
  const { said, stderr } = await python(`import lineaprint, random, numpy as np
def digest(value, name): return lineaprint.track_dataset(value, name)["digest"]
items = [None, True, 0, -0.0, 2**70, 0.5, "é", "", [1, [2]], {"b": 1, "a": None}, np.arange(6, dtype="f4").reshape(2, 3)]
class Data:
    def __init__(self, items, draw=False): self.items, self.draw = items, draw
    def __len__(self): return len(self.items)
    def __getitem__(self, at):
        if self.draw: random.random(), np.random.rand()
        return self.items[at]
say(digest(items, "list"), digest(Data(items), "data"), digest([b"a", b""], "bytes"))
state = random.getstate(), [str(each) for each in np.random.get_state()]
os.environ["LINEAPRINT_STRICT"] = "1"
class Half(Data):
    def __getitem__(self, at):
        if at == 2: raise KeyError("half-way")
        return at
for source in (Data(items, True), Half(items), [], [{"a": 1}], [b"a", "b"], ["\\ud800"], iter(items), [object()], [lambda: 1], 5, None, "x" if False else {"a": "path"}):
    try: say(digest(source, "no"))
    except lineaprint.LineaprintError as error: say(error.code)
say((random.getstate(), [str(each) for each in np.random.get_state()]) == state)
`)
  expect(stderr).not.toContain('Traceback')
  const matrix = { data: Float32Array.of(0, 1, 2, 3, 4, 5), shape: [2, 3] }
  const items = [null, true, 0, -0, 2n ** 70n, 0.5, 'é', '', [1, [2]], { b: 1, a: null }, matrix]
  const wanted = (await readDataset(items)).digest.toString()
  expect(said.slice(0, 2)).toEqual([wanted, wanted])
  expect(said[2]).toBe((await readDataset([Buffer.from('a'), Buffer.from('')])).digest.toString())
  const [argument, unsupported] = ['ERR_LINEAPRINT_ARGUMENT', 'ERR_LINEAPRINT_UNSUPPORTED']
  expect(said.slice(3, -1)).toEqual([
    unsupported,
    'ERR_LINEAPRINT_UNREADABLE',
    ...Array<string>(9).fill(argument),
    argument,
  ])
  expect(said.at(-1)).toBe(true)
})
