/** Ordinary arguments of Python programs are taken, and what has no form in JSON is a warning. */
import { expect, test } from 'vitest'
import { PYTHONS, python } from './support.ts'

const SLOW = { timeout: 120_000 }

test.each(PYTHONS)('values of the standard library, %s', SLOW, async (interpreter) => {
  const { code, said, stderr, record } = await python(
    `import argparse, collections, datetime, decimal, enum, fractions, lineaprint, pathlib, types, uuid
from dataclasses import dataclass, field
class Color(enum.Enum): RED = "r"
class Level(enum.IntEnum): HIGH = 3
@dataclass
class Inner: when: datetime.date = datetime.date(2026, 1, 2)
@dataclass
class Outer: inner: Inner = field(default_factory=Inner); path: pathlib.Path = pathlib.Path("a/b")
class Strange: pass
class Item:
    def item(self): return 2.5
Point = collections.namedtuple("Point", "x y")
lineaprint.log_metric("loss", 0.5, 3)
for name, value in {"true": True, "decimal": decimal.Decimal("0.25"), "fraction": fractions.Fraction(1, 4), "item": Item(), "enum": Level.HIGH}.items():
    lineaprint.log_metric(name, value, decimal.Decimal(1))
lineaprint.add_tags(["a", "b"]); lineaprint.add_tags("c", ("d",), {"f", "e"})
cycle = []; cycle.append(cycle)
lineaprint.add_metadata(argparse.Namespace(lr=0.1, layers=[1, 2]))
lineaprint.add_metadata(
    date=datetime.datetime(2026, 1, 2, 3, 4), time=datetime.time(1), delta=datetime.timedelta(seconds=1), enum=Color.RED, level=Level.HIGH,
    outer=Outer(), set={3, 1, 2}, frozen=frozenset("b"), point=Point(1, 2), path=pathlib.Path("x"), big=2 ** 70, decimal=decimal.Decimal("0.10"),
    complex=1 + 2j, uuid=uuid.UUID(int=5), kind=dict, keys={1: "one", Color.RED: 2, (1, 2): 3, None: 4}, simple=types.SimpleNamespace(a=1),
    mapping=types.MappingProxyType({"m": 1}), ordered=collections.OrderedDict(o=1), deque=collections.deque([1]), range=range(3), surrogate="\\udcff")
say(lineaprint.add_metadata(strange=Strange(), function=len), lineaprint.add_metadata("bytes", b"x"))
lineaprint.add_metadata("cycle", cycle)`,
    { interpreter: [interpreter] },
  )
  expect(stderr).not.toContain('Traceback')
  expect(code).toBe(0)
  expect(said).toEqual([null, null])
  expect(record.metrics).toMatchObject({
    loss: { last: 0.5, lastStep: 3 },
    true: { last: 1, lastStep: 1 },
    decimal: { last: 0.25 },
    fraction: { last: 0.25 },
    item: { last: 2.5 },
    enum: { last: 3 },
  })
  expect(record.tags).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
  expect(record.metadata).toMatchObject({
    lr: 0.1,
    layers: [1, 2],
    date: '2026-01-02T03:04:00',
    time: '01:00:00',
    delta: '0:00:01',
    enum: 'r',
    level: 3,
    outer: { inner: { when: '2026-01-02' }, path: 'a/b' },
    set: [1, 2, 3],
    frozen: ['b'],
    point: { x: 1, y: 2 },
    path: 'x',
    big: String(2n ** 70n),
    decimal: '0.10',
    complex: '(1+2j)',
    uuid: '00000000-0000-0000-0000-000000000005',
    kind: 'dict',
    keys: { 1: 'one', r: 2, '(1, 2)': 3, None: 4 },
    simple: { a: 1 },
    mapping: { m: 1 },
    ordered: { o: 1 },
    deque: [1],
    range: [0, 1, 2],
    surrogate: '\\udcff',
    strange: '__main__.Strange',
    function: 'builtin_function_or_method',
    bytes: 'bytes',
  })
  expect(record.warnings.filter((warning) => warning.includes('the name of its type'))).toHaveLength(4)
})

test('values of NumPy, and arrays of one element', SLOW, async () => {
  const { code, said, stderr, record } = await python(`import lineaprint, numpy as np, warnings
warnings.simplefilter("error")
for name, value in {"scalar": np.float32(0.5), "array": np.array([0.25]), "nested": np.array([[2]]), "zero": np.array(3), "flag": np.bool_(True)}.items():
    lineaprint.log_metric(name, value, np.array([7]))
say(lineaprint.log_metric("two", np.zeros(2)))
lineaprint.add_metadata(array=np.arange(4).reshape(2, 2), scalar=np.int64(7), text=np.str_("t"), nan=np.float64("nan"), dtype=np.dtype("float32"),
    kind=np.float32, keys={np.int64(3): 1}, date=np.datetime64("2026-01-02"), objects=np.array([None]))
lineaprint.add_metadata("large", np.zeros((200, 200)))`)
  expect(stderr).not.toContain('Traceback')
  expect(code).toBe(0)
  expect(said).toEqual([null])
  expect(Object.entries(record.metrics).map(([name, { last, lastStep }]) => [name, last, lastStep])).toEqual([
    ['scalar', 0.5, 7],
    ['array', 0.25, 7],
    ['nested', 2, 7],
    ['zero', 3, 7],
    ['flag', 1, 7],
  ])
  expect(record.metadata).toEqual({
    array: [
      [0, 1],
      [2, 3],
    ],
    scalar: 7,
    text: 't',
    nan: { __float__: 'NaN' },
    dtype: 'float32',
    kind: 'numpy.float32',
    keys: { 3: 1 },
    date: '2026-01-02',
    objects: [null],
    large: 'numpy.ndarray of float64, 200x200',
  })
  expect(record.warnings).toHaveLength(2)
})

test('settings of pydantic and OmegaConf, by what their classes have', SLOW, async () => {
  // Stand-ins with the documented methods, because the bridge knows these objects by them alone.
  const { record, stderr } = await python(`import lineaprint, sys, types
class Model:
    model_fields = {}
    def model_dump(self): return {"depth": 2, "inner": {"a": {1}}}
class Old:
    __fields__ = {}
    @classmethod
    def parse_obj(cls, value): ...
    def dict(self): return {"old": True}
omegaconf = sys.modules["omegaconf"] = types.ModuleType("omegaconf")
class DictConfig:
    def __init__(self, broken): self.broken = broken
class OmegaConf:
    @staticmethod
    def to_container(value, resolve):
        if value.broken and resolve: raise KeyError("reference")
        return {"lr": 0.1, "resolved": resolve}
omegaconf.DictConfig, omegaconf.OmegaConf = DictConfig, OmegaConf
lineaprint.add_metadata(Model())
lineaprint.add_metadata(old=Old(), config=DictConfig(False), broken=DictConfig(True))`)
  expect(stderr).not.toContain('Traceback')
  expect(record.metadata).toEqual({
    depth: 2,
    inner: { a: [1] },
    old: { old: true },
    config: { lr: 0.1, resolved: true },
    broken: { lr: 0.1, resolved: false },
  })
  expect(record.warnings).toEqual([])
})
