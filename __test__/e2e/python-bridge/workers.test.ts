/** The seeds of processes that programs start: workers, ranks of a job, and programs behind a launcher. */
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { deriveSeed } from '../../../src/capture/seeds/seed.ts'
import { FAST } from '../runs/support.ts'
import { folderOf } from '../../support/folder.ts'
import { lineaprint } from '../../support/program.ts'
import { PYTHON, latestRun, programsOf, python } from './support.ts'

const SLOW = { timeout: 180_000 }

/** A worker that names itself, starts after a random time, and draws from every kind of generator. */
const WORKER = `import os, sys, time
time.sleep(os.urandom(1)[0] / 1000)
import random, numpy as np
print(sys.argv[1], random.random(), np.random.rand(), np.random.default_rng().random(), flush=True)
`

/** The first draw of each library with the seed 17. */
const OF_THE_RUN = '0.5219839097124932 0.2946650026871097'

/** Lines of workers by name, in any order. */
function drawsOf(stdout: string): Record<string, string> {
  const lines = stdout.split('\n').filter((line) => line !== '')
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)] as const),
  )
}

const STARTS = `import os, subprocess
worker = [sys.executable, "worker.py"]
copy = dict(os.environ, SHARED="1")
started = [subprocess.Popen([*worker, "p%d" % at], env=copy if at % 2 else None) for at in range(5)]
started += [subprocess.Popen([*worker, "open%d" % at], close_fds=False) for at in range(2)]
started += [subprocess.Popen("%s worker.py shell%d; true" % (sys.executable, at), shell=True) for at in range(2)]
for process in started: process.wait()
for at in range(2): os.system("%s worker.py system%d" % (sys.executable, at))
nested = "import subprocess, sys; [subprocess.run([sys.executable, 'worker.py', sys.argv[1] + str(at)]) for at in range(2)]"
for at in range(2): subprocess.run([sys.executable, "-c", nested, "nested%d" % at])
import random, numpy
print("parent", random.random(), numpy.random.rand(), 0, flush=True)`

test('each worker of plain subprocesses has its own stream, the same in every run', SLOW, async () => {
  const runs = [0, 1].map(() =>
    python(STARTS, { root: folderOf({ 'worker.py': WORKER }), options: ['--seed', '17'] }),
  )
  const [one, two] = [await runs[0], await runs[1]]
  const draws = drawsOf(one?.stdout ?? '')
  expect(Object.keys(draws)).toHaveLength(16)
  expect(new Set(Object.values(draws).flatMap((line) => line.split(' '))).size).toBe(3 * 16)
  expect(draws['parent']).toBe(`${OF_THE_RUN} 0`)
  expect(drawsOf(two?.stdout ?? '')).toEqual(draws)
  expect(one?.record.warnings).toEqual([])
  const seeds = programsOf(one?.record as never).map(({ seed }) => seed)
  expect(seeds).toContain(deriveSeed(17, [(1 << 22) + 4]))
  expect(new Set(seeds).size).toBe(seeds.length)
})

const POOL = (work: string): string => `import random, time
from functools import partial
import multiprocessing as mp
def draw(i):
    import os, random, numpy as np
    time.sleep(.05)
    return [os.getpid(), random.random(), float(np.random.rand())]
if __name__ == "__main__":
    method = sys.argv[-1]
    ${work}
    for line in values: say(line)`

test.each([
  [
    'loky',
    'from joblib import Parallel, delayed; values = Parallel(n_jobs=2)(delayed(draw)(i) for i in range(12))',
  ],
  [
    'multiprocessing of joblib',
    'from joblib import Parallel, delayed; values = Parallel(n_jobs=2, backend="multiprocessing")(delayed(draw)(i) for i in range(12))',
  ],
  [
    'concurrent.futures, fork',
    'from concurrent.futures import ProcessPoolExecutor as E; values = list(E(3, mp_context=mp.get_context("fork")).map(draw, range(12)))',
  ],
  [
    'concurrent.futures, spawn',
    'from concurrent.futures import ProcessPoolExecutor as E; values = list(E(3, mp_context=mp.get_context("spawn")).map(draw, range(12)))',
  ],
] as const)('the streams of %s differ, and repeat', SLOW, async (_, work) => {
  const [one, two] = [
    await python(POOL(work), { options: ['--seed', '17'] }),
    await python(POOL(work), { options: ['--seed', '17'] }),
  ]
  for (const { said, stderr } of [one, two]) {
    expect(stderr).not.toContain('Traceback')
    const draws = said as [number, number, number][]
    expect(draws).toHaveLength(12)
    expect(new Set(draws.flatMap((line) => line.slice(1))).size).toBe(24)
  }
  // Which worker gets which task varies, and so does how many draw; the first number of a worker does not.
  const firsts = [one, two].map(({ said }) => {
    const draws = said as [number, number, number][]
    return new Set(
      draws.filter(([pid], at) => draws.findIndex(([other]) => other === pid) === at).map(([, r]) => r),
    )
  })
  expect([...(firsts[0] ?? [])].filter((first) => firsts[1]?.has(first) === true)).not.toEqual([])
  expect(one.record.warnings).toEqual([])
})

test('spawned processes that share a name of the program have their own streams', SLOW, async () => {
  const source = `import multiprocessing as mp, lineaprint
def work(): print(lineaprint.seed(), flush=True)
if __name__ == "__main__":
    all = [mp.get_context("spawn").Process(target=work, name="worker") for _ in range(3)]
    for one in all: one.start()
    for one in all: one.join()`
  const { stdout } = await python(source, { options: ['--seed', '17'] })
  expect(new Set(stdout.trim().split('\n')).size).toBe(3)
})

test.each([
  ['sh', ['sh', '-c', `${PYTHON} worker.py it; true`]],
  ['make', ['make', '-s']],
  ['a Python program that only launches', [PYTHON, 'bin/accelerate', 'launch']],
  ['exec', [PYTHON, '-c', `import os, sys; os.execv(sys.executable, [sys.executable, "worker.py", "it"])`]],
  ['env', ['env', 'A=1', PYTHON, 'worker.py', 'it']],
] as const)('a single program behind %s keeps the seed of the run', SLOW, async (_, command) => {
  const root = folderOf({
    'worker.py': WORKER,
    Makefile: `all:\n\t${PYTHON} worker.py it\n`,
    'bin/accelerate': 'import subprocess, sys\nsubprocess.run([sys.executable, "worker.py", "it"])\n',
  })
  const { stdout, stderr } = await lineaprint(['run', '--seed', '17', '--', ...command], {
    cwd: root,
    env: FAST,
  })
  expect(drawsOf(stdout)['it']).toContain(OF_THE_RUN)
  expect(latestRun(root).record.warnings).toEqual([])
  expect(stderr).toMatch(/, [12] programs? seeded; see /)
})

test(
  'ranks of one job keep one seed, which is recorded, and their workers have their own',
  SLOW,
  async () => {
    const rank = `import os, sys, subprocess
name = os.environ.get("RANK") or os.environ["SLURM_PROCID"]
subprocess.run([sys.executable, "worker.py", "rank" + name])
import random, numpy
print("rank%s-itself" % name, random.random(), numpy.random.rand(), 0, flush=True)
`
    const source = `import os, subprocess
ranks = [subprocess.Popen([sys.executable, "rank.py"], env={**os.environ, "RANK": str(at)}) for at in range(3)]
ranks += [subprocess.Popen([sys.executable, "rank.py"], env={**os.environ, "SLURM_PROCID": "7"})]
for one in ranks: one.wait()`
    const root = folderOf({ 'worker.py': WORKER, 'rank.py': rank })
    const { stdout, record } = await python(source, { root, options: ['--seed', '17'] })
    const draws = drawsOf(stdout)
    for (const name of ['0', '1', '2', '7']) expect(draws[`rank${name}-itself`]).toBe(`${OF_THE_RUN} 0`)
    expect(new Set(['0', '1', '2', '7'].map((name) => draws[`rank${name}`])).size).toBe(4)
    expect(record.warnings).toEqual([])
    const ranks = programsOf(record).flatMap(({ rank: number }) => (number === undefined ? [] : [number]))
    expect(ranks.toSorted((a, b) => Number(a) - Number(b))).toEqual([0, 1, 2, 7])
  },
)

test(
  'workers that a shell starts at once hold one stream: a warning, unless they never draw',
  SLOW,
  async () => {
    const sleepy = WORKER.replace('os.urandom(1)[0] / 1000', '0.7')
    const root = folderOf({ 'worker.py': sleepy, 'idle.py': 'import time, random\ntime.sleep(0.7)\n' })
    const parallel = async (script: string): Promise<readonly string[]> => {
      const line = `${PYTHON} ${script} a & ${PYTHON} ${script} b & wait`
      const { stderr } = await lineaprint(['run', '--seed', '17', '--', 'sh', '-c', line], {
        cwd: root,
        env: FAST,
      })
      const { warnings } = latestRun(root).record
      for (const warning of warnings) expect(stderr).toContain(`lineaprint: warning: ${warning}\n`)
      return warnings
    }
    expect(await parallel('worker.py')).toEqual([
      expect.stringMatching(
        /^2 processes of worker\.py ran at the same time and drew from the same seed 17;/,
      ),
    ])
    expect(await parallel('idle.py')).toEqual([])
  },
)

const FORKS = (work: string, before = 'np.random.rand()'): string => `import multiprocessing as mp, os, time
import numpy as np
${before}
rng = np.random.default_rng(5)
def draw(i):
    time.sleep(.05)
    return np.random.rand()
def from_rng(i):
    time.sleep(.05)
    return rng.random()
def idle(i): return i
def seeded(i):
    np.random.seed(int.from_bytes(os.urandom(4), "little"))
    return np.random.rand()
ctx = mp.get_context("fork")
if __name__ == "__main__":
    ${work}`

test.each([
  ['a pool', 'with ctx.Pool(3) as pool: pool.map(draw, range(9), 1)', [/from numpy, because/]],
  [
    'an executor',
    'from concurrent.futures import ProcessPoolExecutor as E; list(E(3, mp_context=ctx).map(draw, range(9)))',
    [/from numpy, because/],
  ],
  [
    'processes with a generator of default_rng',
    'all = [ctx.Process(target=from_rng, args=(i,)) for i in range(3)]; [p.start() for p in all]; [p.join() for p in all]',
    [/^3 forked processes drew the same numbers from numpy default_rng, because/],
  ],
  ['a pool that seeds itself', 'with ctx.Pool(3) as pool: pool.map(seeded, range(9), 1)', []],
  ['a pool that draws nothing', 'with ctx.Pool(3) as pool: pool.map(idle, range(9), 1)', []],
  ['a single worker', 'with ctx.Pool(1) as pool: pool.map(draw, range(9), 1)', []],
] as const)('%s that forks after NumPy was used', SLOW, async (_, work, warnings) => {
  const { record, code, stderr } = await python(FORKS(work))
  expect(code).toBe(0)
  expect(stderr).not.toContain('Traceback')
  expect(record.warnings).toEqual(warnings.map((warning) => expect.stringMatching(warning) as string))
})

test.each([
  ['-I', [PYTHON, '-I', 'worker.py', 'it']],
  ['-S', [PYTHON, '-S', '-c', 'import random; print("it", random.random())']],
  ['another PYTHONPATH', ['sh', '-c', `PYTHONPATH=. ${PYTHON} worker.py it`]],
  ['an empty environment', ['env', '-i', PYTHON, 'worker.py', 'it']],
  ['Node', [process.execPath, '-e', 'console.log("it", Math.random())']],
  ['a program of another kind', ['echo', 'it', '1']],
] as const)('a seed that nothing used is reported: %s', SLOW, async (_, command) => {
  const root = folderOf({ 'worker.py': WORKER })
  const { code, stderr } = await lineaprint(['run', '--seed', '17', '--', ...command], {
    cwd: root,
    env: FAST,
  })
  expect(code).toBe(0)
  expect(stderr).toContain('lineaprint: warning: no program was seeded with 17: none connected.')
  expect(stderr).toContain(', 0 programs seeded; see ')
  expect(latestRun(root).record.warnings).toHaveLength(1)
})

test('a Node program whose Math.random is replaced counts as seeded', SLOW, async () => {
  const root = folderOf()
  const command = [process.execPath, '-e', 'console.log(Math.random())']
  const args = ['run', '--seed', '17', '--replace-math-random', '--', ...command]
  const { stderr } = await lineaprint(args, { cwd: root, env: FAST })
  expect(stderr).toContain(', 1 program seeded; see ')
  expect(latestRun(root).record.warnings).toEqual([])
})

test('a run inside of a program of another run has the seed of its own', SLOW, async () => {
  const root = folderOf({ 'worker.py': WORKER })
  const inner = [process.execPath, process.env['LINEAPRINT_MAIN'] ?? 'src/cli/main.ts'].map((part, at) =>
    at === 0 ? part : join(process.cwd(), part),
  )
  const command = JSON.stringify([...inner, 'run', '--seed', '17', '--', PYTHON, 'worker.py', 'it'])
  const { stdout } = await python(`import subprocess\nsubprocess.run(${command})`, {
    root,
    options: ['--seed', '17'],
  })
  expect(drawsOf(stdout)['it']).toContain(OF_THE_RUN)
})

test('a kernel seeds random again before the first cell, and only then', SLOW, async () => {
  const root = folderOf({
    'library/IPython/__init__.py': '',
    'library/IPython/core/__init__.py': '',
    'library/IPython/core/events.py': `class EventManager:
    def trigger(self, event, *args, **kwargs): return (event, args)
`,
  })
  const source = `import random, types
from IPython.core.events import EventManager
manager = EventManager()
random.random()
info = types.SimpleNamespace(store_history=False)
manager.trigger("pre_execute"); manager.trigger("pre_run_cell", info)
say(random.random())
info.store_history = True
say(manager.trigger("pre_run_cell", 5)[0], random.random())
manager.trigger("pre_run_cell", info)
say(random.random())
again = random.Random(17)
say(again.random(), again.random())`
  const { said } = await python(source, {
    root,
    options: ['--seed', '17'],
    env: { PYTHONPATH: join(root, 'library') },
  })
  const [started, event, first, second, one, two] = said
  expect([event, first, second]).toEqual(['pre_run_cell', one, two])
  expect(started).toBe(two)
})

test('an executable that is named like Python is counted apart from other commands', SLOW, async () => {
  const root = folderOf({ 'worker.py': WORKER, 'tool.sh': '#!/bin/sh\nexit 0\n' })
  chmodSync(join(root, 'tool.sh'), 0o755)
  const source = (tool: string): string => `import subprocess
${tool}
subprocess.run([sys.executable, "worker.py", "it"])`
  const [one, two] = [
    await python(source(''), { root, options: ['--seed', '17'] }),
    await python(source('subprocess.run(["./tool.sh"])'), { root, options: ['--seed', '17'] }),
  ]
  expect(one.stdout).toBe(two.stdout)
  expect(one.stdout).not.toBe('')
})
