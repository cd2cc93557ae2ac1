/** No fault of lineaprint or of its surroundings ends or blocks a Python program. */
import { cpSync, existsSync, readFileSync, readdirSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { FAST } from '../runs/support.ts'
import { folderOf } from '../../support/folder.ts'
import { keptFolder } from '../../support/kept-folder.ts'
import { lineaprint } from '../../support/program.ts'
import { BRIDGE, PYTHON, PYTHONS, latestRun, programsOf, python, start } from './support.ts'
import type { Socket } from 'node:net'
import type { Outcome } from '../../support/program.ts'

const SLOW = { timeout: 240_000 }

/** Every function that records, with data of the program; returns the values that they returned. */
const CALLS = `
import array
def calls():
    return [
        lineaprint.log_metric("m", 1), lineaprint.log_metrics({"n": 2}, step=1), lineaprint.add_metadata("k", "v"),
        lineaprint.add_tags("t"), lineaprint.track_dataset("program.py", "file"), lineaprint.track_dataset(b"x", "bytes"),
        lineaprint.track_output("program.py", "out"),
        lineaprint.log_digest("d", array.array("f", [1])), lineaprint.flush(), lineaprint.checkpoint("c"),
    ]
`

test('the package can vanish or be replaced while a program runs', SLOW, async () => {
  for (const change of [
    'shutil.rmtree(os.environ["COPY"])',
    // Another version, which has none of the names.
    'for folder, _, files in os.walk(os.environ["COPY"]):\n    for name in files: open(os.path.join(folder, name), "w").write("broken = (")',
  ]) {
    for (const imports of ['', 'import lineaprint\n']) {
      const root = folderOf()
      const copy = join(root, 'copy')
      cpSync(BRIDGE, copy, { recursive: true })
      const source = `${imports}import shutil, sys
${change}
import lineaprint, random, numpy.random, multiprocessing.pool, subprocess
${CALLS}
values = calls()
say(values[4]["kind"], values[-1]["generators"], random.random())`
      const interpreter = ['env', `COPY=${copy}`, `PYTHONPATH=${copy}`, PYTHON]
      const { code, said, stderr, record } = await python(source, {
        root,
        interpreter,
        options: ['--seed', '42'],
      })
      expect(stderr).not.toContain('Traceback')
      expect(code).toBe(0)
      expect(said).toEqual(['file', ['random', 'numpy'], 0.6394267984578837])
      expect(record.warnings).toEqual([])
      expect(Object.keys(record.datasets)).toEqual(['file', 'bytes'])
      expect(existsSync(join(copy, 'lineaprint', '__pycache__')) && change.startsWith('shutil')).toBe(false)
    }
  }
})

test.each(PYTHONS)('a full table of descriptors, %s', SLOW, async (interpreter) => {
  const { code, said, stderr, record } = await python(
    `import array, lineaprint, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
taken = []
try:
    while True: taken.append(os.open("program.py", os.O_RDONLY))
except OSError: pass
${CALLS}
values = calls()
for descriptor in taken: os.close(descriptor)
lineaprint.log_metric("after", 1)
say(values[4]["kind"], values[5], lineaprint.track_dataset(b"xy", "later")["bytes"])`,
    { interpreter: [interpreter] },
  )
  expect(stderr).not.toContain('Traceback')
  expect(code).toBe(0)
  // A path needs no descriptor of the program; the copy of bytes does.
  expect(said).toEqual(['file', null, 2])
  expect(Object.keys(record.metrics)).toEqual(['m', 'n', 'after'])
  expect(Object.keys(record.datasets)).toEqual(['file', 'later'])
  expect(record.warnings.join()).toMatch(/track_dataset: OSError/)
})

test('a descriptor table that is full when the connection is made again', SLOW, async () => {
  const { code, record, stderr } = await python(
    `import lineaprint, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
os.closerange(3, 64)
taken = []
try:
    while True: taken.append(os.open("program.py", os.O_RDONLY))
except OSError: pass
for step in range(1500): lineaprint.log_metric("m", step)
for descriptor in taken: os.close(descriptor)
lineaprint.log_metric("after", 1)`,
  )
  expect(stderr).not.toContain('lost')
  expect(code).toBe(0)
  // What was dropped is counted.
  expect(record.metrics).toMatchObject({ m: { count: 1000 }, after: { count: 1 } })
  expect(record.warnings.join()).toMatch(/500 messages were not recorded/)
})

test(
  'without a folder for the socket, or with one that only reads, programs can import lineaprint',
  SLOW,
  async () => {
    const source = `import lineaprint
${CALLS}
say(lineaprint.active(), [value for value in calls() if value is not None], lineaprint.set_seeds(1)["seed"])`
    // No socket can be created below /proc, so the next folder is used.
    const other = await python(source, { env: { TMPDIR: '/proc' } })
    expect(other.said[0]).toBe(true)
    const dead = join(folderOf(), 'bridge')
    await start([PYTHON, '-c', `import socket; socket.socket(1).bind("${dead}")`], folderOf())
    expect(existsSync(dead)).toBe(true)
    for (const bridge of ['', dead, '/nowhere/bridge', '/proc/self/exe', `/${'x'.repeat(300)}`]) {
      const { code, said, stderr } = await python(source, {
        interpreter: ['env', `LINEAPRINT_BRIDGE=${bridge}`, PYTHON],
      })
      expect(code).toBe(0)
      expect(said).toEqual([false, [], 1])
      expect(stderr.match(/could not be reached; nothing is recorded/g)).toHaveLength(1)
    }
  },
)

/** Run a program a number of times in one run, with its number as the argument. */
async function repeated(
  source: string,
  interpreter: string,
  times: number,
): Promise<Outcome & { root: string }> {
  const root = folderOf({ 'program.py': source })
  const loop = `for i in $(seq ${times}); do ${interpreter} program.py $i || exit 1; done`
  const args = ['run', '--', 'sh', '-c', loop]
  return { ...(await lineaprint(args, { cwd: root, env: FAST })), root }
}

/** Waits for a child for 20 s, and writes how it ended in one call. */
const WAIT = `
def wait(child):
    import time
    end = time.time() + 20
    while time.time() < end:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.write(1, b"ended %d\\n" % status)
        time.sleep(0.002)
    os.kill(child, 9)
    os.write(1, b"hangs\\n")
`

test.each([
  [
    'the first call of a thread',
    `import lineaprint, os, sys, threading, time${WAIT}
thread = threading.Thread(target=lambda: [lineaprint.log_metric("thread", 1), lineaprint.track_dataset(b"x", "d"), lineaprint.flush()])`,
  ],
  [
    'the import of lineaprint in a thread',
    `import os, sys, threading, time${WAIT}
def work():
    import lineaprint
    lineaprint.log_metric("thread", 1)
thread = threading.Thread(target=work)`,
  ],
  [
    'the import of a library in a thread',
    `import lineaprint, os, sys, threading, time${WAIT}
def work():
    import random, multiprocessing.pool, numpy.random
thread = threading.Thread(target=work)`,
  ],
] as const)('a fork during %s', SLOW, async (_, begin) => {
  for (const interpreter of PYTHONS) {
    const times = interpreter === PYTHON ? 10 : 2
    const source = `${begin}
thread.start()
time.sleep(int(sys.argv[1]) * 0.0003)
child = os.fork()
if child == 0:
    import lineaprint
    lineaprint.log_metric("child", 1)
    lineaprint.flush()
    os._exit(0)
wait(child)
thread.join()`
    const { code, stdout, root } = await repeated(source, interpreter, times)
    expect(code).toBe(0)
    expect(stdout).toBe('ended 0\n'.repeat(times))
    // Each child is a process with a series of its own.
    const series = Object.entries(latestRun(root).record.metrics).filter(([name]) =>
      /^child(?:\/|$)/.test(name),
    )
    expect(series.reduce((sum, [, { count }]) => sum + count, 0)).toBe(times)
  }
})

test('a fork while another thread draws from NumPy', SLOW, async () => {
  const { code, stdout } = await python(
    `import numpy, threading, time, lineaprint${WAIT}
thread = threading.Thread(target=lambda: numpy.random.rand(5 * 10 ** 7), daemon=True)
thread.start()
time.sleep(0.05)
child = os.fork()
if child == 0:
    lineaprint.log_metric("child", 1)
    os._exit(0)
wait(child)`,
  )
  expect(code).toBe(0)
  expect(stdout).toBe('ended 0\n')
})

test.each(PYTHONS)('signal handlers that log, %s', SLOW, async (interpreter) => {
  const { code, said, record, stderr } = await python(
    `import signal
count = 0
def handler(*_):
    global count
    # Before Python 3.12, an import in a handler can block in the lock of the import that it interrupts.
    lineaprint = sys.modules.get("lineaprint")
    if lineaprint is None: return signal.setitimer(signal.ITIMER_REAL, 0.0005)
    count += 1
    lineaprint.log_metric("handler", count)
    if count % 50 == 0:
        lineaprint.track_dataset(b"handler", "in a handler")
        lineaprint.flush()
    if not done: signal.setitimer(signal.ITIMER_REAL, 0.0005)
done = False
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.0005)
import lineaprint
for step in range(3000):
    lineaprint.log_metric("main", step)
    if step % 500 == 0: lineaprint.track_dataset(b"main", "in the program")
done = True
signal.setitimer(signal.ITIMER_REAL, 0)
say(count)`,
    { interpreter: [interpreter] },
  )
  expect(stderr).not.toContain('Traceback')
  expect(code).toBe(0)
  expect(record.warnings).toEqual([])
  expect(record.metrics).toMatchObject({ main: { count: 3000 }, handler: { count: said[0] } })
  expect(programsOf(record)).toHaveLength(1)
})

test('exceptions of signal handlers interrupt calls, and the connection stays intact', SLOW, async () => {
  const { code, said, record } = await python(
    `import lineaprint, signal, time
class Stop(BaseException): pass
def handler(*_): raise Stop
signal.signal(signal.SIGALRM, handler)
done = stopped = 0
text = "x" * 100000
end = time.time() + 2
while time.time() < end:
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.001)
        while True:
            lineaprint.add_metadata("text", text)
            lineaprint.log_metric("m", 1)
            done += 1
    except Stop:
        stopped += 1
signal.setitimer(signal.ITIMER_REAL, 0)
lineaprint.log_metric("after", 1)
lineaprint.flush()
say(done, stopped)`,
  )
  expect(code).toBe(0)
  const [done, stopped] = said as [number, number]
  expect(stopped).toBeGreaterThan(100)
  // A call that was interrupted has recorded its value or not; the others have.
  const count = record.metrics['m']?.count ?? 0
  expect(count).toBeGreaterThanOrEqual(done)
  expect(count).toBeLessThanOrEqual(done + stopped)
  expect(record.metrics['after']).toMatchObject({ count: 1 })
  expect(record.warnings.filter((warning) => !warning.includes('in the middle of a message'))).toEqual([])
})

test('a signal handler waits for a thread that logs', SLOW, async () => {
  const { code, said, record } = await python(
    `import lineaprint, signal, threading
joined, is_waiting = 0, False
def work():
    lineaprint.log_metric("thread", 1)
    lineaprint.track_dataset(b"x", "x")
def handler(*_):
    global joined, is_waiting
    # On a slow machine the next signal would come before this one is done, again and again.
    if is_waiting: return
    is_waiting = True
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    joined += 1
    is_waiting = False
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.01)
for step in range(3000):
    lineaprint.log_metric("main", step)
    if step % 100 == 0: lineaprint.track_dataset(b"y", "y")
signal.setitimer(signal.ITIMER_REAL, 0)
say(joined)`,
  )
  expect(code).toBe(0)
  expect(record.metrics).toMatchObject({ main: { count: 3000 }, thread: { count: said[0] } })
})

test('a metric does not wait for the dataset of another thread', SLOW, async () => {
  const { said, record } = await python(
    `import lineaprint, threading, time
with open("big", "wb") as file: file.truncate(1 << 30)
thread = threading.Thread(target=lambda: lineaprint.track_dataset("big", "big"))
thread.start()
time.sleep(0.2)
count = 0
while thread.is_alive() and count < 200:
    lineaprint.log_metric("m", 1)
    count += 1
say(count, thread.is_alive())
thread.join()
os.unlink("big")`,
  )
  expect(said).toEqual([200, true])
  expect(record.metrics['m']).toMatchObject({ count: 200 })
})

/** Run a program against a server that does what a run would not do. */
async function against(
  serve: (socket: Socket) => void,
  source: string,
  interpreter = PYTHON,
): Promise<Outcome> {
  const root = keptFolder({ 'program.py': source })
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    serve(socket)
  })
  const path = join(root, 'bridge')
  await new Promise<void>((resolve) => {
    server.listen(path, resolve)
  })
  const env = {
    PYTHONPATH: BRIDGE,
    LINEAPRINT_BRIDGE: path,
    LINEAPRINT_RUN_DIRECTORY: root,
    LINEAPRINT_SEED: '1',
  }
  try {
    return await start([interpreter, 'program.py'], root, env)
  } finally {
    server.close()
  }
}

/** A frame with any content. */
function frame(text: string, length: number = Buffer.byteLength(text)): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt32BE(length)
  return Buffer.concat([head, Buffer.from(text)])
}

/** The number of the last message, as the program sent it. */
function idIn(chunk: Buffer): number {
  return Number(/"id":(\d+)/.exec(chunk.toString())?.[1] ?? -1)
}

test.each([
  ['closes at once', (socket: Socket) => socket.destroy()],
  ['ends within an answer', (socket: Socket) => socket.on('data', () => socket.end(frame('{"id":1', 100)))],
  [
    'answers with garbage',
    (socket: Socket) => socket.on('data', () => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')),
  ],
  ['answers without JSON', (socket: Socket) => socket.on('data', () => socket.write(frame('nothing')))],
  ['answers with a list', (socket: Socket) => socket.on('data', () => socket.write(frame('[1]')))],
  [
    'answers another message',
    (socket: Socket) => socket.on('data', () => socket.write(frame('{"id":99,"result":null}'))),
  ],
  [
    'answers with a strange error',
    (socket: Socket) =>
      socket.on('data', (chunk: Buffer) => socket.write(frame(`{"id":${idIn(chunk)},"error":7}`))),
  ],
  [
    'has an internal error',
    (socket: Socket) =>
      socket.on('data', (chunk: Buffer) =>
        socket.write(frame(`{"id":${idIn(chunk)},"error":{"code":"ERR_LINEAPRINT_INTERNAL","message":"m"}}`)),
      ),
  ],
  [
    'has no space left',
    (socket: Socket) =>
      socket.on('data', (chunk: Buffer) =>
        socket.write(frame(`{"id":${idIn(chunk)},"error":{"code":"ERR_LINEAPRINT_STORE","message":"m"}}`)),
      ),
  ],
] as const)('a server that %s', SLOW, async (_, serve) => {
  expect(await endAgainst(serve)).toEqual(GONE_ON)
})

/** How a program ends whose run answers like this. */
async function endAgainst(serve: (socket: Socket) => void): Promise<object> {
  const source = `import os, sys, time
import lineaprint, random, numpy
${CALLS}
begin = time.time()
values = calls()
lineaprint.add_metadata("text", "x" * 1000000)
os.write(1, b"%d %d" % (sum(value is not None for value in values), time.time() - begin < 100))`
  const { code, stdout, stderr } = await against(serve, source)
  return { code, stdout, raised: stderr.includes('Traceback') }
}

const GONE_ON = { code: 0, stdout: '0 1', raised: false }

test('values of the program that raise are warnings of the run', SLOW, async () => {
  const { code, said, record, stderr } = await python(
    `import lineaprint, numpy
class Bad:
    def fail(self, *_, **__): raise ZeroDivisionError("of the value")
    __str__ = __repr__ = __iter__ = __float__ = __array__ = __fspath__ = __len__ = fail
class Mapping(dict):
    def items(self): raise ZeroDivisionError("of items")
class Text(str):
    def encode(self, *_): raise ZeroDivisionError("of encode")
class Shape:
    dtype = 1
    @property
    def shape(self): raise ZeroDivisionError("of shape")
class Module:
    def state_dict(self): raise ZeroDivisionError("of state_dict")
class Unsaid(Exception):
    def __str__(self): raise ValueError("no text")
class Raises:
    def __float__(self): raise Unsaid
calls = [
    lambda: lineaprint.log_metric("m", Bad()), lambda: lineaprint.log_metric("m", Raises()), lambda: lineaprint.log_metrics(Mapping(a=1)),
    lambda: lineaprint.log_metric("m", 1, step=Bad()), lambda: lineaprint.log_metric(Text("m"), 1),
    lambda: lineaprint.track_dataset(Bad(), "a"), lambda: lineaprint.track_dataset(Shape(), "a"), lambda: lineaprint.track_model(Module(), "a"),
    lambda: lineaprint.track_model({"w": Shape()}, "a"), lambda: lineaprint.track_output(Bad(), "a"), lambda: lineaprint.log_digest("d", Bad()),
    lambda: lineaprint.add_metadata("k", Bad()), lambda: lineaprint.add_metadata("k", Mapping(a=1)), lambda: lineaprint.add_tags(Text("t")),
]
say(*[call() for call in calls])
lineaprint.log_metric("good", 1)`,
  )
  expect(stderr).not.toContain('Traceback')
  expect(code).toBe(0)
  expect(said).toEqual(Array(14).fill(null))
  expect(Object.keys(record.metrics)).toEqual(['good'])
  expect(
    record.warnings.some((warning) => warning.includes('log_metric: ZeroDivisionError: of the value')),
  ).toBe(true)
  expect(record.warnings.some((warning) => warning.endsWith('log_metric: Unsaid'))).toBe(true)
})

test('a call whose arguments do not fit is an error of Python', SLOW, async () => {
  const { said } = await python(`import lineaprint
for call in (lambda: lineaprint.log_metric("m"), lambda: lineaprint.flush(1)):
    try: say(call())
    except TypeError as error: say("TypeError")`)
  expect(said).toEqual(['TypeError', 'TypeError'])
})

test('no space for the copy of an array', SLOW, async () => {
  const { code, said, record } = await python(
    `import lineaprint, resource
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
say(lineaprint.track_dataset(b"x" * 100000, "big"), lineaprint.track_dataset(b"x", "small")["bytes"])`,
  )
  expect(code).toBe(0)
  expect(said).toEqual([null, 1])
  expect(record.warnings.join()).toMatch(/track_dataset: OSError/)
})

test('every file of the package is loaded at the start or kept in memory', SLOW, async () => {
  const { said } = await python(`import _lineaprint._files as files
kept = [name for finder in sys.meta_path for name in getattr(finder, "_kept", {})]
say(sorted({*kept, *(name for name in sys.modules if name.startswith("_lineaprint"))}))`)
  const names = readdirSync(BRIDGE, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.py') && name.includes('/'))
    .map((name) => name.replace(/(?:\/__init__)?\.py$/, '').replaceAll('/', '.'))
  expect(said[0]).toEqual(names.toSorted())
})

test.each(['<&-', '>&-', '2>&-', '<&- >&- 2>&-'])(
  'a program with closed standard streams (%s) does not write to the connection',
  SLOW,
  async (closed) => {
    const interpreter = ['sh', '-c', `exec "$0" "$@" ${closed}`, PYTHON]
    const source = `import array, json, lineaprint
tensor = lineaprint.track_dataset(array.array("f", [1, 2]), "tensor")
lineaprint.log_metric("m", 1)
found = []
for number in range(3):
    try: found.append(os.readlink("/proc/self/fd/%d" % number).partition(":")[0])
    except OSError: found.append("closed")
open("found.json", "w").write(json.dumps(found))
`
    const { root, record } = await python(`import os\n${source}`, { interpreter })
    expect(record.metrics['m']?.last).toBe(1)
    const found = JSON.parse(readFileSync(join(root, 'found.json'), 'utf8')) as string[]
    const expected = ['<&-', '>&-', '2>&-'].map((one) => closed.split(' ').includes(one))
    expect(found.map((target) => target === 'closed')).toEqual(expected)
  },
)

// The program waits for these as long as it waits for any, both at once. They are last: what tests
// after them register for their end may be called early.
test.concurrent.for([
  ['never answers', (socket: Socket) => socket.resume()],
  ['never reads', (socket: Socket) => socket.pause()],
] as const)('a server that %s', SLOW, async ([, serve]) => {
  expect(await endAgainst(serve)).toEqual(GONE_ON)
})
