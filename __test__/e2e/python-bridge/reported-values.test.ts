/** Metrics and parameters that a program reports to libraries. Small modules have the shape of the real ones. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { folderOf } from '../../support/folder.ts'
import { lineaprint } from '../../support/program.ts'
import { standalone } from './standalone.ts'
import { PYTHONS, plainPython, python } from './support.ts'
import type { RunRecord } from '../../../src/record/record.ts'

/** A writer as that of tensorboardX. */
const WRITER = `
import warnings
class SummaryWriter:
    def __init__(self, log_dir="runs"):
        self.log_dir = log_dir
        self.told = []
    def add_scalar(self, tag, scalar_value, global_step=None, walltime=None, new_style=False, double_precision=False):
        "Add one value."
        if scalar_value == "bad":
            raise ValueError(tag)
        self.told.append((tag, float(scalar_value), global_step))
        return len(self.told)
    def add_scalars(self, main_tag, tag_scalar_dict, global_step=None, walltime=None): pass
    def add_hparams(self, hparam_dict, metric_dict, hparam_domain_discrete=None, run_name=None, global_step=None): pass
`

/** As of MLflow: functions that pass values on to a client. */
const CLIENT = `
class Metric:
    def __init__(self, key, value, step): self.key, self.value, self.step = key, value, step
class Param:
    def __init__(self, key, value): self.key, self.value = key, value
class MlflowClient:
    def log_metric(self, run_id, key, value, timestamp=None, step=None): pass
    def log_batch(self, run_id, metrics=(), params=(), tags=()): pass
    def log_param(self, run_id, key, value): pass
`

const MODULES: Readonly<Record<string, string>> = {
  'tensorboardX/__init__.py': 'from .writer import SummaryWriter\n',
  'tensorboardX/writer.py': WRITER,
  'mlflow/__init__.py': '',
  'mlflow/tracking/__init__.py': 'from .client import *\n',
  'mlflow/tracking/client.py': CLIENT,
}

/** Writes modules beside the program, where Python finds them first. */
function withModules(modules: Readonly<Record<string, string>> = MODULES): string {
  const root = folderOf()
  for (const [path, text] of Object.entries(modules)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}

function metricsOf({ metrics }: RunRecord): Record<string, unknown[]> {
  return Object.fromEntries(
    Object.entries(metrics).map(([name, { count, last, lastStep, sources }]) => [
      name,
      [count, last, lastStep, sources],
    ]),
  )
}

const LOOP = `
from tensorboardX import SummaryWriter
from mlflow.tracking import MlflowClient, Metric, Param
train, test, client = SummaryWriter("a"), SummaryWriter(log_dir="b"), MlflowClient()
for step in range(3):
    say(train.add_scalar("loss", 1 / (step + 1), step))
    test.add_scalar(tag="loss", scalar_value=step, global_step=step)
    client.log_metric("r", "loss", 1 / (step + 1), step=step)
    client.log_batch("r", [Metric("odd", float("inf"), step), Metric("other", step, step)], [Param("lr", "0.1")])
train.add_scalar("plain", 7)
client.log_metric("r", "unnumbered", 1.5)
`

test('values with their sources; the program prints and gets the same', async () => {
  const root = withModules()
  const run = await python(LOOP, { root })
  expect(run.code).toBe(0)
  expect(run.said).toEqual(plainPython(LOOP, root))
  expect(run.record.warnings).toEqual([])
  expect(metricsOf(run.record)).toEqual({
    loss: [3, 1 / 3, 2, ['tensorboardx', 'mlflow']],
    'loss (tensorboardx 2)': [3, 2, 2, ['tensorboardx 2']],
    odd: [3, { __float__: 'Infinity' }, 2, ['mlflow']],
    other: [3, 2, 2, ['mlflow']],
    plain: [1, 7, null, ['tensorboardx']],
    unnumbered: [1, 1.5, 0, ['mlflow']],
  })
  expect(run.record.parameters).toEqual({ lr: { value: '0.1', sources: ['mlflow'] } })
  expect(run.stderr).toMatch(
    /recorded what the program reports: 6 metrics from tensorboardx, mlflow; 1 parameter from mlflow; --no-reported/,
  )
  const { stdout } = await lineaprint(['show', run.record.id], { cwd: root })
  expect(stdout).toMatch(/loss\s.*from\s+tensorboardx, mlflow/s)
  expect(stdout).toMatch(/Parameters\n\s+lr\s+"0.1", from mlflow/)
})

test.each([
  ['an option', ['--no-reported'], {}, [false, false]],
  ['a variable', [], { LINEAPRINT_REPORTED: 'off' }, [false, false]],
  ['one of both', [], { LINEAPRINT_REPORTED: '{"parameters":false}' }, [true, false]],
  ['the other', [], { LINEAPRINT_REPORTED: '{"metrics":false}' }, [false, true]],
] as const)('switched off by %s', async (_, options, env, [metrics, parameters]) => {
  const { record } = await python(LOOP, { root: withModules(), options, env })
  expect(Object.keys(record.metrics).length > 0).toBe(metrics)
  expect(record.parameters !== undefined).toBe(parameters)
  expect(record.configuration['reported']).toEqual({ metrics, parameters })
})

test('what the program logs itself keeps its name, and is merged if it is the same', async () => {
  const source = `
import lineaprint
from tensorboardX import SummaryWriter
writer = SummaryWriter()
for step in range(3):
    writer.add_scalar("loss", step, step)
    lineaprint.log_metric("loss", step * 10 + 1, step)
    writer.add_scalar("same", step, step)
    lineaprint.log_metric("same", step, step)
    lineaprint.log_metric("own", step)
`
  const { record } = await python(source, { root: withModules() })
  expect(metricsOf(record)).toEqual({
    loss: [3, 21, 2, undefined],
    'loss (tensorboardx)': [3, 2, 2, ['tensorboardx']],
    same: [3, 2, 2, ['tensorboardx', 'lineaprint']],
    own: [3, 2, null, undefined],
  })
})

test('a function keeps its name, its text and its errors; classes can be pickled and derived from', async () => {
  const source = `
import inspect, pickle, threading
from tensorboardX import SummaryWriter
say(SummaryWriter.add_scalar.__name__, SummaryWriter.add_scalar.__qualname__, SummaryWriter.add_scalar.__doc__)
say(str(inspect.signature(SummaryWriter.add_scalar)))
class Own(SummaryWriter):
    def add_scalar(self, tag, *args, **kwargs):
        return super().add_scalar("own/" + tag, *args, **kwargs)
writer = Own()
try:
    writer.add_scalar("x", "bad")
except ValueError as error:
    say(str(error))
try:
    writer.add_scalar()
except TypeError as error:
    say(str(error))
say(pickle.loads(pickle.dumps(SummaryWriter())).told)
say(pickle.loads(pickle.dumps(SummaryWriter.add_scalar)) is SummaryWriter.add_scalar)
threads = [threading.Thread(target=writer.add_scalar, args=("t", at, at)) for at in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
say(sorted(writer.told))
child = os.fork()
if child == 0:
    writer.add_scalar("child", 1, 0)
    os._exit(0)
say(os.waitpid(child, 0)[1])
`
  const root = withModules()
  const run = await python(source, { root })
  expect(run.said).toEqual(plainPython(source, root))
  expect(run.said).toHaveLength(10)
  expect(run.record.warnings).toEqual([])
  expect(metricsOf(run.record)).toEqual({
    'own/t': [8, expect.any(Number), expect.any(Number), ['tensorboardx']],
    'own/child/fork 1': [1, 1, 0, ['tensorboardx']],
  })
})

test.each([
  [
    'without the function',
    WRITER.replace('add_scalar(', 'write_scalar('),
    /SummaryWriter has no function add_scalar/,
  ],
  ['without the class', 'class SummaryWriter2: pass\nSummaryWriter = None', /AttributeError|TypeError/],
  [
    'with other arguments',
    WRITER.replace(
      'add_scalar(self, tag, scalar_value, global_step=None,',
      'add_scalar(self, *, name, scalar_value=1, tag="", global_step=None,',
    ),
    /a value that the program reports was not recorded/,
  ],
  ['with values that raise', WRITER, /a value that the program reports was not recorded.*ZeroDivisionError/],
])('a library %s costs one warning', async (what, writer, warning) => {
  const value = `
class Bad:
    calls = 0
    def __float__(self):
        Bad.calls += 1
        if Bad.calls % 2 == 0: 1 / 0
        return 1.0
`
  const call =
    what === 'with other arguments'
      ? 'writer.add_scalar(name="x")'
      : what === 'with values that raise'
        ? 'writer.add_scalar("x", Bad())'
        : 'getattr(writer, "write_scalar", lambda *_: None)("x", 1)'
  const source = `${value}
from tensorboardX.writer import SummaryWriter
writer = SummaryWriter() if SummaryWriter else None
for _ in range(5): ${call}
say("done")
`
  const root = withModules({ ...MODULES, 'tensorboardX/writer.py': writer })
  const run = await python(source, { root })
  expect(run.said).toEqual(['done'])
  expect(run.code).toBe(0)
  expect(run.record.warnings).toHaveLength(1)
  expect(run.record.warnings[0]).toMatch(warning)
})

test('a library without the module costs one warning, and a folder of its name none', async () => {
  const source = 'import keras, wandb\nsay(1)'
  const { record, said } = await python(source, {
    root: withModules({ 'keras/__init__.py': '', 'wandb/x': '' }),
  })
  expect(said).toEqual([1])
  expect(record.warnings).toEqual([
    expect.stringContaining('keras: ImportError: it has no keras.src.callbacks.history'),
  ])
})

test('arguments of the command line are parameters, without secrets and without functions', async () => {
  const source = `
import argparse, enum, pathlib
class Kind(enum.Enum): A = "a"
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.5)
parser.add_argument("--path", type=pathlib.Path, default="x")
parser.add_argument("--kind", type=Kind, default=Kind.A)
parser.add_argument("--password", default="hunter2hunter2")
parser.add_argument("--many", nargs="*", default=[1, None])
parser.add_argument("--flag", action="store_true")
parser.add_argument("--big", type=int, default=2**60)
parser.set_defaults(run=say, nothing=object())
say(sorted(vars(parser.parse_args())) and 1)
other = argparse.ArgumentParser()
other.add_argument("--inner")
other.parse_args(["--inner", "1"])
`
  const { record } = await python(source)
  const values = Object.fromEntries(
    Object.entries(record.parameters ?? {}).map(([name, { value, sources }]) => {
      expect(sources).toEqual(['argparse'])
      return [name, value]
    }),
  )
  expect(values).toEqual({
    lr: 0.5,
    path: 'x',
    kind: 'a',
    password: '<redacted>',
    many: [1, null],
    flag: false,
    big: '1152921504606846976',
    nothing: 'object',
  })
})

test('the command line of a process that a library starts has no parameters of the program', async () => {
  const parsing = `
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--pipe", type=int)
print(parser.parse_args().pipe)
`
  const root = withModules({
    'joblib/__init__.py': '',
    'joblib/worker.py': parsing,
    'mine/__init__.py': '',
    'mine/train.py': parsing.replaceAll('pipe', 'rate'),
  })
  const source = `
import subprocess, sys
for command in (["joblib.worker", "--pipe", "3"], ["mine.train", "--rate", "4"]):
    say(subprocess.run([sys.executable, "-m", *command], stdout=subprocess.PIPE).stdout.decode().strip())
`
  const { record, said } = await python(source, { root })
  expect(said).toEqual(['3', '4'])
  expect(Object.values(record.parameters ?? {}).map(({ value }) => value)).toEqual([4])
})

test('show has the first parameters of many, and a part of a long value', async () => {
  const source = `
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--long", default="x" * 5000)
parser.add_argument("--longer", default="x" * 50_000)
for at in range(60): parser.add_argument("--p%d" % at, type=int, default=at)
parser.parse_args()
`
  const { record, root } = await python(source)
  expect(Object.keys(record.parameters ?? {})).toHaveLength(62)
  expect(record.parameters?.['long']?.value).toHaveLength(5000)
  expect(record.parameters?.['longer']?.value).toBe('a text of 50000 characters')
  const { stdout } = await lineaprint(['show', record.id], { cwd: root })
  expect(stdout).toContain('p37')
  expect(stdout).not.toContain('p38')
  expect(stdout).toContain('and 22 more; see --json')
  expect(stdout).not.toContain('x'.repeat(301))
})

test('a run of start_run sees what is reported after its begin, and says so', async () => {
  const source = `
from tensorboardX import SummaryWriter
import lineaprint
writer = SummaryWriter()
writer.add_scalar("before", 1, 1)
with lineaprint.start_run(name="inner"):
    writer.add_scalar("within", 2, 2)
writer.add_scalar("after", 3, 3)
say(len(writer.told))
`
  const { record, said, stderr } = await standalone(source, { root: withModules() })
  expect(said).toEqual([3])
  expect(metricsOf(record)).toEqual({ within: [1, 2, 2, ['tensorboardx']] })
  expect(stderr).toContain('1 metric from tensorboardx')
})

test.each(PYTHONS.map((interpreter) => [interpreter]))('the loop with %s', async (interpreter) => {
  const parsing = `
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
commands = parser.add_subparsers()
commands.add_parser("fit").add_argument("--depth", type=int)
parser.parse_known_args()
`
  const { record, code } = await python(LOOP + parsing, { root: withModules(), interpreter: [interpreter] })
  expect([code, record.warnings]).toEqual([0, []])
  expect(record.parameters).toEqual({ lr: { value: 0.1, sources: ['mlflow', 'argparse'] } })
  expect(metricsOf(record)['loss']).toEqual([3, 1 / 3, 2, ['tensorboardx', 'mlflow']])
})
