/** Datasets in the memory of programs with pandas, Hugging Face datasets and PyTorch, against the files that these write. */
import { expect, test } from 'vitest'
import { readDataset } from '../../src/dataset/read.ts'
import { hashTable } from '../../src/dataset/table.ts'
import { python } from '../e2e/python-bridge/support.ts'
import { PYTHON, SLOW } from './support.ts'

const HEAD = `import lineaprint, random, datetime as dt, numpy as np, pandas as pd, pyarrow as pa, torch, datasets
def digest(value, name="x"): return lineaprint.track_dataset(value, name)["digest"]
def refusals(*sources):
    os.environ["LINEAPRINT_STRICT"] = "1"
    found = []
    for source in sources:
        try: found.append(digest(source, "refused"))
        except lineaprint.LineaprintError as error: found.append(error.code)
    return found
`

test('a frame of pandas is the table that it writes to Parquet, and its index counts', SLOW, async () => {
  const { said, stderr, root } = await python(
    `${HEAD}
frame = pd.DataFrame({"id": [1, 2, 3], "text": ["x", None, "é"], "score": [0.5, float("nan"), -0.0], "day": pd.to_datetime(["2020-01-01", None, "2021-01-01"]),
  "zone": pd.to_datetime(["2020-01-01"] * 3, utc=True), "kind": pd.Categorical(["a", "b", "a"]), "whole": pd.array([1, None, 3], "Int64"), "flag": pd.array([True, None, False], "boolean"),
  "objects": pd.Series(["a", None, "b"], dtype=object), "dates": pd.Series([dt.date(2020, 1, 1), None, dt.date(2021, 1, 1)], dtype=object), "delta": pd.to_timedelta([1, 2, 3], unit="s")})
named = frame.set_index(pd.Index(["p", "q", "r"], name="key"))
frame.to_parquet("frame.parquet")
named.to_parquet("named.parquet")
say(digest(frame, "frame"), digest(named, "named"))
indexes = [frame, named, frame.set_index(pd.RangeIndex(5, 8)), frame.set_index(pd.RangeIndex(3, name="n")), frame.set_index(pd.Index([0, 1, 5])), frame.iloc[::-1], frame.set_index([pd.Index([1, 2, 3]), pd.Index([1, 2, 4])])]
say(len({digest(each, "index %d" % at) for at, each in enumerate(indexes)}))
column = lambda values, **kinds: pd.DataFrame({"a": pd.Series(values, **kinds)})
say(digest(column([1], dtype="int32"), "narrow") != digest(column([1], dtype="int64"), "wide"), digest(column([None], dtype=object), "null") != digest(column([0]), "zero"))
say(refusals(column([1, "x"], dtype=object), column([1, 2.0], dtype=object), column([[1], [2]], dtype=object), column([np.zeros(2)], dtype=object), column(["a"], dtype=pd.CategoricalDtype(["a"], ordered=True)),
  column(pd.period_range("2020", periods=2, freq="M")), column(pd.interval_range(0, 2)), pd.DataFrame([[1, 2]]), pd.DataFrame([[1, 2]], columns=["a", "a"]), pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")])), frame["id"], frame.index, frame.groupby("id"),
  column(pd.Series([1j])), column([2**70], dtype=object), pd.DataFrame(index=range(3)), np.array(["a"]), np.zeros(2, [("a", "i4")])))`,
    { interpreter: [PYTHON] },
  )
  expect(stderr).not.toContain('Traceback')
  const [frame, named] = await Promise.all(
    ['frame', 'named'].map(async (name) => String((await hashTable(`${root}/${name}.parquet`)).digest)),
  )
  expect(said.slice(0, 2)).toEqual([frame, named])
  expect(said[2]).toBe(7)
  expect(said.slice(3, 5)).toEqual([true, true])
  expect(new Set(said[5] as string[])).toEqual(new Set(['ERR_LINEAPRINT_UNSUPPORTED']))
})

test('a Dataset of Hugging Face is the table of its rows, whatever selects them', SLOW, async () => {
  const { said, stderr, root } = await python(
    `${HEAD}
data = datasets.Dataset.from_dict({"id": list(range(25_000)), "text": ["t%d" % at for at in range(25_000)], "scores": [[0.5] * (at % 3) for at in range(25_000)]})
data.to_parquet("data.parquet")
data.select(range(24_999, 0, -2)).to_parquet("some.parquet")
say(digest(data, "data"), digest(data.with_format("torch"), "format"), digest(data.select(range(24_999, 0, -2)), "some"))
data.save_to_disk("saved")
say(digest(datasets.load_from_disk("saved"), "loaded"), digest(datasets.DatasetDict({"train": data, "test": data.select([0])}), "splits"))
datasets.DatasetDict({"train": data, "test": data.select([0])}).save_to_disk("both")
say(refusals(data.to_iterable_dataset()))`,
    { interpreter: [PYTHON] },
  )
  expect(stderr).not.toContain('Traceback')
  const [data, some] = await Promise.all(
    ['data', 'some'].map(async (name) => String((await hashTable(`${root}/${name}.parquet`)).digest)),
  )
  expect(said.slice(0, 4)).toEqual([data, data, some, data])
  expect(said[4]).toBe(String((await readDataset(`${root}/both`)).splits?.digest))
  expect(said[5]).toEqual(['ERR_LINEAPRINT_ARGUMENT'])
})

test(
  'a Dataset of PyTorch is a sequence of its items; what draws or gives them once is refused',
  SLOW,
  async () => {
    const { said, stderr } = await python(
      `${HEAD}
class Squares(torch.utils.data.Dataset):
    def __init__(self, count, draw=None): self.count, self.draw = count, draw
    def __len__(self): return self.count
    def __getitem__(self, at):
        if self.draw: self.draw()
        return torch.tensor([at, at * at]), at
class Endless(torch.utils.data.IterableDataset):
    def __iter__(self): return iter(range(3))
states = lambda: (random.getstate(), str(np.random.get_state()), torch.get_rng_state().tolist())
before = states()
say(digest(Squares(3), "three"), digest(torch.utils.data.Subset(Squares(9), [0, 1, 2]), "subset"), digest(Squares(4), "four"))
say(digest(torch.utils.data.TensorDataset(torch.zeros(2, 3), torch.ones(2)), "tensors"), states() == before)
say(refusals(Squares(3, random.random), Squares(3, np.random.rand), Squares(3, lambda: torch.rand(1)), torch.utils.data.DataLoader(Squares(3)), Endless(), iter(Squares(3)), Squares(0)))
say(states() == before)`,
      { interpreter: [PYTHON] },
    )
    expect(stderr).not.toContain('Traceback')
    const item = (at: number): unknown => [BigInt64Array.of(BigInt(at), BigInt(at * at)), at]
    const three = String((await readDataset([0, 1, 2].map(item))).digest)
    expect(said.slice(0, 2)).toEqual([three, three])
    expect(said[2]).not.toBe(three)
    const one = { data: Float32Array.of(1), shape: [] }
    expect(said[3]).toBe(String((await readDataset([0, 1].map(() => [new Float32Array(3), one]))).digest))
    expect(said[4]).toBe(true)
    const refused = [
      'UNSUPPORTED',
      'UNSUPPORTED',
      'UNSUPPORTED',
      'ARGUMENT',
      'ARGUMENT',
      'ARGUMENT',
      'ARGUMENT',
    ]
    expect(said[5]).toEqual(refused.map((code) => `ERR_LINEAPRINT_${code}`))
    expect(said[6]).toBe(true)
  },
)
