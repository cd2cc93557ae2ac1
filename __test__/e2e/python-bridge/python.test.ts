/** What a Python program says of its run, and that it runs as it would without us. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { hashArray } from '../../../src/hash/array.ts'
import { hashFile } from '../../../src/hash/file.ts'
import { FAST } from '../runs/support.ts'
import { folderOf } from '../../support/folder.ts'
import { lineaprint } from '../../support/program.ts'
import { BRIDGE, PYTHON, latestRun, plainPython, programsOf, python, pythonOf } from './support.ts'

const SLOW = { timeout: 120_000 }

test('a copy of an output is kept on request', SLOW, async () => {
  const root = folderOf()
  const { code, said, record } = await python(
    `import lineaprint
for name in ["kept", "other"]:
    open(name, "w").write(name)
say(lineaprint.track_output("kept", "kept", keep=True)["kind"])
lineaprint.track_output("other", "other")
lineaprint.track_output("other", "wrong", keep=1)`,
    { root },
  )
  expect([code, said]).toEqual([0, ['file']])
  expect(record).toMatchObject({
    status: 'finished',
    outputs: { kept: { kept: { status: 'kept', files: [{ path: '', size: 4 }] } } },
    warnings: [expect.stringContaining('keep must be True or False')],
  })
  expect(Object.keys(record.outputs)).toEqual(['kept', 'other'])
  expect(record.outputs['other']).not.toHaveProperty('kept')
})

test('datasets, outputs, metrics, metadata, tags and digests stand in the record', SLOW, async () => {
  const root = folderOf({ 'data.csv': 'a,b\n1,2\n' })
  const { code, said, record } = await python(
    `import array, math, lineaprint
say(lineaprint.active())
say(lineaprint.track_dataset("data.csv", "train"), lineaprint.track_dataset(array.array("d", [1, 2, 3]), "array"))
open("out.txt", "w").write("out")
say(lineaprint.track_output("out.txt", "out"))
for step in range(3):
    lineaprint.log_metric("loss", 1 / (step + 1), step=step)
lineaprint.log_metrics({"loss": math.nan, "big": 10 ** 30})
lineaprint.add_metadata("nested", {"list": [1, 2.5, None, math.inf], "text": "é"})
lineaprint.add_metadata({"a": 1}, b=True)
lineaprint.add_tags("x", "y")
say(lineaprint.log_digest("weights", array.array("f", [1, 2]), step=1))
lineaprint.flush()`,
    { root },
  )
  expect(code).toBe(0)
  const array = (await hashArray(Float64Array.of(1, 2, 3))).digest.toString()
  const weights = (await hashArray(Float32Array.of(1, 2))).digest.toString()
  const out = (await hashFile(join(root, 'out.txt'))).digest.toString()
  expect(said).toMatchObject([
    true,
    { kind: 'file', path: join(root, 'data.csv'), bytes: 8 },
    { kind: 'array', digest: array, dtype: 'F64', shape: [3] },
    { kind: 'file', digest: out },
    weights,
  ])
  expect(record).toMatchObject({
    status: 'finished',
    warnings: [],
    tags: ['x', 'y'],
    datasets: {
      train: {
        status: 'tracked',
        path: join(root, 'data.csv'),
        reportedBy: { language: 'python', program: 1 },
      },
      array: { status: 'tracked', digest: array },
    },
    outputs: { out: { status: 'tracked', digest: out } },
    metrics: { loss: { count: 4, nanCount: 1, lastStep: 2, min: 1 / 3 }, big: { last: 1e30 } },
    metadata: { nested: { list: [1, 2.5, null, { __float__: 'Infinity' }], text: 'é' }, a: 1, b: true },
    digests: { weights: { count: 1, last: weights, lastStep: 1 } },
  })
  expect(record.datasets['array']).not.toHaveProperty('path')
  expect(programsOf(record)).toMatchObject([
    { number: 1, kind: 'program', script: 'program.py', hasEnded: true },
  ])
})

test('with strict, a wrong call raises where it was made, and nothing of it is recorded', SLOW, async () => {
  const { code, said, record, stderr } = await python(
    `os.environ["LINEAPRINT_STRICT"] = "1"
import lineaprint
class Strange: pass
cycle = []; cycle.append(cycle)
for call in (
    lambda: lineaprint.track_dataset("missing", "m"),
    lambda: lineaprint.track_dataset(Strange(), "s"),
    lambda: lineaprint.track_dataset("program.py", ""),
    lambda: lineaprint.track_dataset("\\udcff", "n"),
    lambda: lineaprint.track_model({"lr": 1}, "none"),
    lambda: lineaprint.track_model(cycle, "cycle"),
    lambda: lineaprint.track_output(b"x" * 5000, "long"),
    lambda: lineaprint.log_metric("m", "text"),
    lambda: lineaprint.log_metrics({"good": 1, "bad": None}),
    lambda: lineaprint.log_metric("m", 1, step=float("nan")),
    lambda: lineaprint.add_metadata("k", Strange()),
    lambda: lineaprint.add_metadata("k", cycle),
    lambda: lineaprint.add_tags(""),
    lambda: lineaprint.set_seeds(-1),
    lambda: lineaprint.set_seeds(1.5),
    lambda: lineaprint.checkpoint("end"),
):
    try:
        call()
        say(None)
    except lineaprint.LineaprintError as error:
        say(error.code)
lineaprint.track_dataset(b"one", "same")
lineaprint.track_dataset(b"one", "same")
try:
    lineaprint.track_dataset(b"two", "same")
except lineaprint.LineaprintError as error:
    say(str(error))`,
    { env: { LINEAPRINT_STRICT: '1' } },
  )
  expect(stderr).not.toContain('Traceback')
  expect(code).toBe(0)
  expect(said.slice(0, 16)).toEqual([
    'ERR_LINEAPRINT_NOT_FOUND',
    ...(Array(15).fill('ERR_LINEAPRINT_ARGUMENT') as string[]),
  ])
  expect(said[16]).toMatch(/^the dataset "same" already has other content/)
  expect(record.metrics).toEqual({})
  expect(record.metadata).toEqual({})
  expect(Object.keys(record.datasets)).toEqual(['m', 'same'])
})

test('a wrong call is a warning of the run, and the program goes on', SLOW, async () => {
  const { code, said, record, stderr } = await python(`import lineaprint
for call in (
    lambda: lineaprint.track_dataset("missing", "m"),
    lambda: lineaprint.log_metric("m", "text"),
    lambda: lineaprint.log_metrics({"good": 1, "bad": None}),
    lambda: lineaprint.add_tags("kept", 3),
    lambda: lineaprint.add_metadata(7),
    lambda: lineaprint.checkpoint("end"),
):
    say(call())
lineaprint.log_metric("after", 1)`)
  expect(stderr).not.toContain('Traceback')
  expect(code).toBe(0)
  expect(said).toEqual(Array(6).fill(null))
  expect(Object.keys(record.metrics)).toEqual(['after'])
  expect(record.tags).toEqual([])
  const named = record.warnings.map((warning) => /: (\w+): LineaprintError: /.exec(warning)?.[1])
  expect(named).toEqual([
    'track_dataset',
    'log_metric',
    'log_metrics',
    'add_tags',
    'add_metadata',
    'checkpoint',
  ])
  expect(record.status).toBe('finished')
})

test('outside of a run the calls do nothing, which is said once, and seeds are set all the same', () => {
  const root = folderOf()
  const source = `import lineaprint, random
lineaprint.set_seeds(5)
say(random.random())
say(lineaprint.active(), lineaprint.track_dataset("missing", "m"), lineaprint.log_metric("m", 1), lineaprint.checkpoint("c"))
random.seed(5)
say(random.random())`
  const [drawn, ...rest] = plainPython(source, root)
  expect(rest).toEqual([false, null, null, null, drawn])
  const env = { ...process.env, PYTHONPATH: BRIDGE }
  const { stderr } = spawnSync(PYTHON, ['plain.py'], { cwd: root, encoding: 'utf8', env })
  expect(stderr).toBe(
    'lineaprint: no run is open, so nothing is recorded; call lineaprint.start_run(), or use lineaprint run\n',
  )
})

test.each([
  ['none', undefined],
  ['one that runs', 'import sys\nsys.path.append("/added")\nprint("other", __name__)'],
  ['one that fails', 'raise RuntimeError("boom")'],
  ['one that exits', 'raise SystemExit(7)'],
  ['one that lacks a module', 'import no_such_module'],
] as const)('another sitecustomize: %s', SLOW, async (_, other) => {
  const root = folderOf(other === undefined ? {} : { 'other/sitecustomize.py': other })
  const source = `try:
    import sitecustomize
    found = sitecustomize.__file__
except ImportError as error:
    found = str(error)
print(found, [p for p in sys.path if p in ("/added", os.environ["OTHER"])], file=sys.stderr)`
  const env = { OTHER: join(root, 'other'), PYTHONPATH: join(root, 'other'), PYTHONDONTWRITEBYTECODE: '1' }
  const { code, stdout, stderr } = await python(source, { root, env })
  // The same file, without us.
  const plain = { cwd: root, encoding: 'utf8', env: { ...process.env, ...env } } as const
  const without = spawnSync(PYTHON, ['program.py'], plain)
  expect(code).toBe(without.status)
  expect(stdout).toBe(without.stdout)
  // A traceback names our file as well; without it, it is the same.
  const ours = new RegExp(`^  File "${BRIDGE}.*\\n(?:    .*\\n)*`, 'gm')
  expect(stderr.replace(/^lineaprint: .*\n/gm, '').replace(ours, '')).toBe(without.stderr)
})

test.each([
  ['-E', 'not-reached'],
  ['-I', 'not-reached'],
  ['-S', 'not-reached'],
] as const)('with %s Python does not see us, and the record says so', SLOW, async (flag, status) => {
  const { code, record } = await python('say(1)', { interpreter: [PYTHON, flag] })
  expect(code).toBe(0)
  expect(pythonOf(record)).toMatchObject({ status, programs: [] })
})

test('with -S a program that imports lineaprint is recorded from then on', SLOW, async () => {
  const source = 'import lineaprint\nlineaprint.log_metric("m", 1)'
  const { record } = await python(source, { interpreter: [PYTHON, '-S'] })
  expect(record.metrics['m']).toMatchObject({ count: 1 })
})

test('a command that is no Python says nothing of it', SLOW, async () => {
  const root = folderOf()
  const said: unknown[] = []
  for (const command of [['true'], ['echo', 'python'], ['env', 'true'], ['env', PYTHON, '-I', '-c', '']]) {
    await lineaprint(['run', '--', ...command], { cwd: root, env: FAST })
    said.push(pythonOf(latestRun(root).record)?.['status'])
  }
  expect(said).toEqual([undefined, undefined, undefined, 'not-reached'])
})

test('nothing is imported that the program does not import', SLOW, async () => {
  const root = folderOf()
  const source = 'say(sorted(sys.modules))'
  const before = plainPython(source, root)[0] as string[]
  const { said } = await python(source, { root, options: ['--seed', '1'] })
  const added = (said[0] as string[]).filter((name) => !before.includes(name))
  expect(added.filter((name) => !/^_?lineaprint(?:\.|$)/.test(name))).toEqual(
    // Built into the interpreter, or part of a module that is; the socket and the text of JSON.
    added.filter((name) => ['atexit', '_socket', '_json', 'errno'].includes(name)),
  )
})

test('children of every kind say their own, and do not disturb the parent', SLOW, async () => {
  const { code, said, record, stderr } = await python(
    `import lineaprint, multiprocessing, random, subprocess
def work(number):
    lineaprint.log_metric("worker", number)
    lineaprint.track_dataset(str(number).encode(), "from worker %d" % number)
    return random.random()
if __name__ == "__main__":
    lineaprint.log_metric("parent", 1)
    for method in ("fork", "spawn", "forkserver"):
        with multiprocessing.get_context(method).Pool(2) as pool:
            pool.map(work, range(4), 1)
    subprocess.run([sys.executable, "-c", "import lineaprint; lineaprint.log_metric('child', 1)"], check=True)
    child = os.fork()
    if child == 0:
        lineaprint.log_metric("forked", 1)
        lineaprint.flush()
        os._exit(0)
    os.waitpid(child, 0)
    lineaprint.log_metric("parent", 2)
    say(lineaprint.checkpoint("end of parent")["file"])`,
  )
  expect(stderr).not.toContain('Traceback')
  expect(code).toBe(0)
  expect(said).toEqual(['generators/checkpoint-end%20of%20parent.json'])
  expect(record.warnings).toEqual([])
  const counts = new Map<string, number>()
  for (const [key, { count, loggedAs: name = key }] of Object.entries(record.metrics))
    counts.set(name, (counts.get(name) ?? 0) + count)
  expect(Object.fromEntries(counts)).toEqual({ parent: 2, worker: 12, child: 1, forked: 1 })
  // The parent has no position, and every other process has one.
  const plain = Object.entries(record.metrics).filter(([, { loggedAs }]) => loggedAs === undefined)
  expect(plain.map(([name]) => name)).toEqual(['parent'])
  expect(Object.keys(record.datasets).toSorted()).toEqual([0, 1, 2, 3].map((n) => `from worker ${n}`))
  expect(programsOf(record)[0]).toMatchObject({ number: 1, kind: 'program', hasEnded: true })
  // Only programs have states of their start and end.
  expect(
    readdirSync(
      join(record.command.workingDirectory, '.lineaprint/runs', record.id, 'generators'),
    ).toSorted(),
  ).toEqual(
    expect.arrayContaining(['checkpoint-end%20of%20parent.json', 'end.json', 'start.json']) as string[],
  )
})

test('a program that is killed leaves what it said', SLOW, async () => {
  const { code, record } = await python(
    `import lineaprint, random, signal
for step in range(1000):
    lineaprint.log_metric("loss", step, step=step)
os.kill(os.getpid(), signal.SIGKILL)`,
  )
  expect(code).toBe(137)
  expect(record).toMatchObject({ status: 'killed', metrics: { loss: { count: 1000, lastStep: 999 } } })
  expect(programsOf(record)).toMatchObject([{ hasEnded: false }])
})

test('descriptors that a program closes or uses again are not written to', SLOW, async () => {
  const { code, said, record } = await python(
    `import lineaprint
lineaprint.log_metric("before", 1)
os.closerange(3, 256)
file = open("mine.txt", "w+")
sockets = [os.open("mine.txt", os.O_RDWR) for _ in range(20)]
lineaprint.log_metric("after", 1)
lineaprint.flush()
say(os.path.getsize("mine.txt"))`,
  )
  expect(code).toBe(0)
  expect(said).toEqual([0])
  expect(Object.keys(record.metrics)).toEqual(['before', 'after'])
})

test('a program goes on when lineaprint is gone', SLOW, async () => {
  // The socket is there, and nobody listens.
  const root = folderOf()
  const source = `import lineaprint, signal, random
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
say(lineaprint.active(), lineaprint.log_metric("m", 1), lineaprint.track_dataset(b"x", "d"))`
  const env = { LINEAPRINT_BRIDGE: join(root, 'bridge'), LINEAPRINT_SEED: '3' }
  expect(plainPython(source, root, env)).toEqual([false, null, null])
  // It goes away while the program runs.
  const { code, said, stderr } = await python(
    `import lineaprint, signal, subprocess
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
lineaprint.log_metric("m", 1)
lineaprint.flush()
lineaprint._current.connection._main._socket.shutdown(2)
for _ in range(3):
    lineaprint.log_metric("m", 2)
say(lineaprint.track_dataset(b"x", "d"), lineaprint.active())`,
  )
  expect(code).toBe(0)
  expect(said).toEqual([null, false])
  expect(stderr.match(/the connection to lineaprint is lost/g)).toHaveLength(1)
})

test('a failure of ours becomes a warning of the run, and the program goes on', SLOW, async () => {
  const root = folderOf({ 'library/numpy/random/__init__.py': 'x = 1', 'library/numpy/__init__.py': '' })
  const source = 'import numpy.random\nsay(numpy.random.x)'
  const { code, said, record } = await python(source, { root, env: { PYTHONPATH: join(root, 'library') } })
  expect(code).toBe(0)
  expect(said).toEqual([1])
  expect(record.warnings).toHaveLength(1)
  expect(record.warnings[0]).toMatch(/^Python 3\.[0-9.]+: numpy\.random: AttributeError/)
})

test('an exception in the middle of a call, and a call after it', SLOW, async () => {
  const { code, said, record } = await python(
    `import lineaprint, signal
class Enough(BaseException): pass
def stop(*_): raise Enough
signal.signal(signal.SIGALRM, stop)
with open("big", "wb") as file: file.truncate(16 << 30)
signal.setitimer(signal.ITIMER_REAL, 0.2)
try:
    lineaprint.track_dataset("big", "big")
except Enough:
    say("stopped")
os.truncate("big", 10)
lineaprint.log_metric("after", 1)
say(lineaprint.track_dataset(b"small", "small")["bytes"])`,
  )
  expect(code).toBe(0)
  expect(said).toEqual(['stopped', 5])
  expect(record.metrics['after']).toMatchObject({ count: 1 })
  expect(programsOf(record)).toHaveLength(1)
  // What was under way was read to its end, or found to have changed: its caller did not wait for either.
  expect(['tracked', 'failed']).toContain(record.datasets['big']?.status)
})

test('threads share the connection', SLOW, async () => {
  const { record } = await python(
    `import lineaprint, threading
def work(number):
    for step in range(200):
        lineaprint.log_metric("m%d" % number, step)
    lineaprint.track_dataset(b"x" * number, "d%d" % number)
threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()`,
  )
  expect(record.warnings).toEqual([])
  expect(Object.values(record.metrics).map(({ count }) => count)).toEqual(Array(8).fill(200))
  expect(Object.keys(record.datasets)).toHaveLength(8)
})

test(
  'a thread that has just become the sender stays the only one while it sends for long',
  SLOW,
  async () => {
    const { said } = await python(
      `import threading, time
from _lineaprint._connection import Connection
class SlowLock:
    def __init__(self): self.lock = threading.Lock()
    def acquire(self, *given):
        taken = self.lock.acquire(*given)
        if taken:
            acquired.set()
            time.sleep(0.05)
        return taken
    def release(self): self.lock.release()
acquired = threading.Event()
connection = Connection("nowhere")
connection._lock = lock = SlowLock()
def send():
    held = connection._enter(0)
    time.sleep(0.4)
    connection._leave(held)
sender = threading.Thread(target=send)
sender.start()
acquired.wait()
second = connection._enter(0)
say([second is None, connection._lock is lock])
sender.join()
third = connection._enter(0)
say(third is lock)`,
    )
    expect(said).toEqual([[true, true], true])
  },
)

test('no file and no socket is left behind', SLOW, async () => {
  const place = folderOf()
  const { record, folder } = await python(
    `import lineaprint
lineaprint.track_dataset(b"x" * 100000, "d")
os.kill(os.getpid(), 9)`,
    { env: { TMPDIR: place } },
  )
  expect(readdirSync(place)).toEqual([])
  expect(record.datasets['d']).toMatchObject({ bytes: 100_000 })
  expect(
    readdirSync(folder).filter(
      (name) => !/^(run\.json|events\.jsonl|stdout\.log|stderr\.log|generators)$/.test(name),
    ),
  ).toEqual([])
})

test('a folder for temporary files that is too deep for a socket', SLOW, async () => {
  const place = join(folderOf(), 'x'.repeat(100))
  mkdirSync(place)
  const { record } = await python('import lineaprint\nlineaprint.log_metric("m", 1)', {
    env: { TMPDIR: place },
  })
  expect(record.metrics['m']).toMatchObject({ count: 1 })
  expect(readdirSync(place)).toEqual([])
  expect(tmpdir()).not.toBe(place)
})

const VERSIONS = ['3.9', '3.10', '3.12', '3.13', '3.14'].flatMap((version) => {
  const folders = join(homedir(), '.pyenv/versions')
  const found = existsSync(folders)
    ? readdirSync(folders).find((name) => name.startsWith(`${version}.`))
    : undefined
  return found === undefined ? [] : [[found, join(folders, found, 'bin/python')] as const]
})

test.skipIf(VERSIONS.length === 0).for(VERSIONS)('Python %s', SLOW, async ([, interpreter]) => {
  const { code, said, record } = await python(
    `import lineaprint, random, multiprocessing, array
def work(number): return random.random()
if __name__ == "__main__":
    lineaprint.log_metric("m", 1)
    say(random.random(), lineaprint.track_dataset(array.array("i", [1]), "d")["dtype"])
    before = lineaprint.checkpoint("c")["generators"]
    drawn = random.random()
    lineaprint.restore(os.environ["LINEAPRINT_RUN_DIRECTORY"], "c")
    say(before, drawn == random.random())
    for method in ("fork", "spawn"):
        with multiprocessing.get_context(method).Pool(1) as pool:
            say(pool.map(work, [1])[0])`,
    { interpreter: [interpreter], options: ['--seed', '42'] },
  )
  expect(code).toBe(0)
  expect(record.warnings).toEqual([])
  expect(said).toEqual([0.6394267984578837, 'I32', ['random'], true, 0.7064906883777852, 0.8883550161739429])
})
