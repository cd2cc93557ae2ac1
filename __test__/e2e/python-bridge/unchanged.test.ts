/** A Python program ends, prints and fails in a run as it does without one. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { FAST } from '../runs/support.ts'
import { folderOf } from '../../support/folder.ts'
import { lineaprint } from '../../support/program.ts'
import { PYTHON, PYTHONS, latestRun, start } from './support.ts'
import type { Outcome } from '../../support/program.ts'

const SLOW = { timeout: 240_000 }

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
  const metrics = { m: { count: 1 }, 'm/fork 1': { count: 1 } }
  expect(latestRun(root).record).toMatchObject({ warnings: [], metrics })
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
