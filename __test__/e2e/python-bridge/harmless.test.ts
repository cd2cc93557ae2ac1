/** Nothing of the bridge ends, blocks or changes a Python program. */
import { spawn } from 'node:child_process'
import { cpSync, existsSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { FAST } from '../runs/support.ts'
import { folderOf } from '../../support/folder.ts'
import { lineaprint } from '../../support/program.ts'
import { BRIDGE, PYTHON, latestRun, programsOf, python } from './support.ts'
import type { Socket } from 'node:net'
import type { Outcome } from '../../support/program.ts'

const SLOW = { timeout: 240_000 }

/** The interpreter of the tests, and the others of this machine. */
const PYTHONS: string[] = [PYTHON, ...otherPythons()]

function otherPythons(): string[] {
  const folders = join(homedir(), '.pyenv/versions')
  const found = existsSync(folders) ? readdirSync(folders) : []
  return found.filter((name) => /^3\.(?:9|1\d)\./.test(name)).map((name) => join(folders, name, 'bin/python'))
}

/** Run a program and return what came out. */
function start(
  argv: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const [program = '', ...rest] = argv
  const child = spawn(program, rest, { cwd, env: { ...process.env, ...env }, stdio: 'pipe' })
  child.stdin.end()
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
}

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
    const times = interpreter === PYTHON ? 20 : 3
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
    expect(latestRun(root).record.metrics['child']).toMatchObject({ count: times })
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
    import lineaprint
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
joined = 0
def work():
    lineaprint.log_metric("thread", 1)
    lineaprint.track_dataset(b"x", "x")
def handler(*_):
    global joined
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    joined += 1
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
  const root = folderOf({ 'program.py': source })
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    serve(socket)
  })
  const path = join(root, 'bridge')
  await new Promise<void>((resolve) => {
    server.listen(path, resolve)
  })
  onTestFinished(() => void server.close())
  const env = {
    PYTHONPATH: BRIDGE,
    LINEAPRINT_BRIDGE: path,
    LINEAPRINT_RUN_DIRECTORY: root,
    LINEAPRINT_SEED: '1',
  }
  return start([interpreter, 'program.py'], root, env)
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
  ['never answers', (socket: Socket) => socket.resume()],
  ['never reads', (socket: Socket) => socket.pause()],
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
  const source = `import os, sys, time
import lineaprint, random, numpy
${CALLS}
begin = time.time()
values = calls()
lineaprint.add_metadata("text", "x" * 1000000)
os.write(1, b"%d %d" % (sum(value is not None for value in values), time.time() - begin < 100))`
  const { code, stdout, stderr } = await against(serve, source)
  expect(stderr).not.toContain('Traceback')
  expect(stdout).toBe('0 1')
  expect(code).toBe(0)
})

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

/** Programs whose end is compared with and without a run. */
const PROGRAMS: Readonly<Record<string, string>> = {
  'exit code': 'import sys; print("x"); sys.exit(7)',
  'exit text': 'import sys; sys.exit("sorry")',
  exception: 'def f(): raise ValueError("boom")\nf()',
  interrupt: 'import os, signal; os.kill(os.getpid(), signal.SIGINT)',
  killed: 'import os, signal; os.kill(os.getpid(), signal.SIGKILL)',
  _exit: 'import os; os.write(1, b"x"); os._exit(5)',
  'order of atexit': 'import atexit\nfor n in range(3): atexit.register(print, n)',
  'atexit that raises': 'import atexit\n@atexit.register\ndef f(): raise RuntimeError("at exit")',
  excepthook:
    'import sys\nsys.excepthook = lambda kind, error, trace: print("hook", kind.__name__, error)\nraise KeyError(1)',
  'hooks are their own':
    'import sys, threading\nprint(sys.excepthook is sys.__excepthook__, sys.displayhook is sys.__displayhook__, sys.gettrace(), sys.getprofile(), threading.excepthook is threading.__excepthook__, sys.getrecursionlimit(), sys.getswitchinterval())',
  'thread at shutdown':
    'import threading, time\ndef f(): time.sleep(.2); print("thread ended")\nthreading.Thread(target=f).start(); print("main ended")',
  'daemon thread':
    'import threading, time\ndef f():\n  while True: time.sleep(.01)\nthreading.Thread(target=f, daemon=True).start(); print("main ended")',
  'daemon thread that draws':
    'import random, threading, time\ndef f():\n  while True: random.random()\nthreading.Thread(target=f, daemon=True).start(); time.sleep(.05); print("main ended")',
  'fork in a thread':
    'import os, sys, threading\ndef f():\n  pid = os.fork()\n  if pid == 0: os.write(1, b"child\\n"); os._exit(3)\n  print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\nt = threading.Thread(target=f); t.start(); t.join()',
  'fork, and the child raises':
    'import os, sys\npid = os.fork()\nif pid == 0: raise SystemExit(4)\nprint(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))',
  forkpty:
    'import os, pty\npid, fd = pty.fork()\nif pid == 0: os.write(1, b"child"); os._exit(0)\nprint(os.read(fd, 100)); os.waitpid(pid, 0)',
  preexec_fn:
    'import os, subprocess\nprint(subprocess.run(["sh", "-c", "echo $$ >/dev/null; pwd"], preexec_fn=lambda: os.chdir("/"), capture_output=True))',
  subprocess:
    'import subprocess, sys\nprint(subprocess.run([sys.executable, "-c", "import sys; print(sys.argv); sys.exit(2)", "a"], capture_output=True).stdout)\ntry: subprocess.run(["/nowhere"])\nexcept FileNotFoundError as error: print(error)\ntry: subprocess.run([1])\nexcept TypeError as error: print(error)',
  'wrong calls of os':
    'import os, subprocess\nfor call in (lambda: os.posix_spawn(), lambda: os.posix_spawn("/bin/true", [], {}), lambda: os.posix_spawn("/nowhere", ["x"], os.environ), lambda: os.posix_spawn("/bin/true", "x", {})):\n  try: print(call())\n  except Exception as error: print(type(error).__name__, error)',
  asyncio:
    'import asyncio, sys\nasync def f():\n  p = await asyncio.create_subprocess_exec(sys.executable, "-c", "print(1)", stdout=-1)\n  print(await p.communicate())\n  await asyncio.sleep(.01)\n  return 3\nprint(asyncio.run(f()))',
  'patched sockets':
    'import socket, select, threading, time, _socket\ndef fail(*a, **k): raise RuntimeError("patched")\nsocket.socket = socket.create_connection = select.select = threading.Lock = time.sleep = fail\nimport random; random.seed(1); print(random.random())',
  'seeds of any kind':
    'import random\nfor seed in (None, 1, -5, 1.5, "text", b"bytes", bytearray(b"x"), 10 ** 400, -(10 ** 400)):\n  random.seed(seed)\n  if seed is not None: print(random.random())\ntry: random.setstate(1)\nexcept Exception as error: print(type(error).__name__)',
  'an import that fails':
    'import sys\ntry: import torch\nexcept ImportError as error: print(error)\ntry: import random.nothing\nexcept ImportError as error: print(error)',
  'find_spec without an import':
    'import importlib.util, random\nprint(importlib.util.find_spec("random").name, importlib.reload(random).__name__)',
  'descriptors are closed': 'import os\nos.closerange(0, 100)\nos._exit(9)',
  'stderr is closed': 'import sys\nsys.stderr.close()\nsys.stderr = None\nimport random',
  'no space for threads': 'import threading\nthreading.Thread.start = None\nimport random\nprint(1)',
  ...Object.fromEntries(
    ['fork', 'spawn', 'forkserver'].flatMap((method) => [
      [
        `pool of ${method}`,
        `import multiprocessing, os\ndef f(n):\n  if n == 3: raise ValueError(n)\n  return n * n\nif __name__ == "__main__":\n  with multiprocessing.get_context("${method}").Pool(2) as pool:\n    print(pool.map(f, [1, 2]))\n    try: pool.map(f, [3])\n    except ValueError as error: print(repr(error))`,
      ],
      [
        `processes of ${method}`,
        `import multiprocessing, os, sys\ndef f(code): os.write(1, b"child\\n"); sys.exit(code)\nif __name__ == "__main__":\n  c = multiprocessing.get_context("${method}")\n  p = c.Process(target=f, args=(6,)); p.start(); p.join(); print(p.exitcode)\n  p = c.Process(target=os.abort); p.start(); p.join(); print(p.exitcode)`,
      ],
    ]),
  ),
}

/** Programs that run in every interpreter: what Python itself changed from version to version. */
const EVERYWHERE = /^(?:exception|order|hooks|thread at|fork in|subprocess|preexec|wrong|pool|descriptors)/

const HEADER = 'import sys; sys.dont_write_bytecode = True\n'

test.each(PYTHONS)('programs end as without a run, %s', { timeout: 600_000 }, async (interpreter) => {
  const root = folderOf()
  for (const [name, source] of Object.entries(PROGRAMS)) {
    if (interpreter !== PYTHON && !EVERYWHERE.test(name)) continue
    writeFileSync(join(root, 'program.py'), HEADER + source)
    const plain = await start([interpreter, 'program.py'], root)
    const run = await lineaprint(['run', '--', interpreter, 'program.py'], { cwd: root, env: FAST })
    const code = plain.signal === null ? plain.code : { SIGINT: 130, SIGKILL: 137 }[plain.signal as string]
    const text = (outcome: Outcome): string =>
      outcome.stderr
        .replaceAll(/^lineaprint: (?:run|warning:) .*\n/gm, '')
        .replaceAll(/0x[0-9a-f]+/g, '0x')
        .replaceAll(/pid=\d+/g, 'pid')
    expect([name, run.code, run.stdout]).toEqual([name, code, plain.stdout])
    expect([name, text(run)]).toEqual([name, text(plain)])
    expect([name, latestRun(root).record.warnings.filter((warning) => warning.startsWith('Python'))]).toEqual(
      [name, []],
    )
  }
})

test('warnings as errors, and resources that are not closed', SLOW, async () => {
  const root = folderOf({
    'program.py': `import os, sys, random, multiprocessing, subprocess, numpy
import lineaprint
lineaprint.log_metric("m", 1)
lineaprint.track_dataset(b"x", "d")
pid = os.fork()
if pid == 0:
    lineaprint.log_metric("m", 2)
    sys.exit(0)
os.waitpid(pid, 0)
print("end")`,
  })
  const argv = ['run', '--', PYTHON, '-X', 'dev', '-W', 'error', '-bb', 'program.py']
  const { code, stdout, stderr } = await lineaprint(argv, { cwd: root, env: FAST })
  expect(stderr.replaceAll(/^lineaprint: run .*\n/gm, '')).toBe('')
  expect([code, stdout]).toEqual([0, 'end\n'])
  expect(latestRun(root).record).toMatchObject({ warnings: [], metrics: { m: { count: 2 } } })
})

test.each([
  ['unset', ['env', '-u', 'LINEAPRINT_BRIDGE', PYTHON]],
  ['-I', [PYTHON, '-I']],
  ['-E', [PYTHON, '-E']],
  ['-S', [PYTHON, '-S']],
] as const)(
  'with the bridge switched off (%s), a program sees nothing of it',
  SLOW,
  async (_, interpreter) => {
    const root = folderOf({
      'program.py':
        'import sys, os, gc\nimport random\nprint(sorted(sys.modules), [type(finder).__name__ for finder in sys.meta_path], type(random.seed).__name__)',
    })
    const plain = await start([...interpreter, 'program.py'], root)
    const run = await lineaprint(['run', '--', ...interpreter, 'program.py'], { cwd: root, env: FAST })
    // The sitecustomize of the package is loaded, and makes way, unless Python ignores PYTHONPATH.
    expect(run.stdout).toBe(plain.stdout)
    expect(run.code).toBe(plain.code)
  },
)

test('every file of the package is loaded at the start or kept in memory', SLOW, async () => {
  const { said } = await python(`import _lineaprint._files as files
kept = [name for finder in sys.meta_path for name in getattr(finder, "_kept", {})]
say(sorted({*kept, *(name for name in sys.modules if name.startswith("_lineaprint"))}))`)
  const names = readdirSync(BRIDGE, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.py') && name.includes('/'))
    .map((name) => name.replace(/(?:\/__init__)?\.py$/, '').replaceAll('/', '.'))
  expect(said[0]).toEqual(names.toSorted())
})
