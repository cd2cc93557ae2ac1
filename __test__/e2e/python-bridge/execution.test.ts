/** How a run was executed: processors, threads, precision. Each is a cause in `diff`. */
import { availableParallelism } from 'node:os'
import { expect, test } from 'vitest'
import { diffRuns } from '../../../src/diff/runs.ts'
import { environmentOf } from '../../../src/capture/records.ts'
import { readRun } from '../../../src/store/runs.ts'
import { folderOf } from '../../support/folder.ts'
import { lineaprint } from '../../support/program.ts'
import { BRIDGE, PYTHON, latestRun, plainPython } from './support.ts'
import type { ExecutionFindings } from '../../../src/capture/environment/types.ts'
import type { RunDiff } from '../../../src/diff/runs.ts'

const SLOW = { timeout: 240_000 }
const NO_GIT = { LINEAPRINT_ENABLE_GIT_TRACKING: 'false' }

async function run(
  root: string,
  command: readonly string[],
  env: Record<string, string> = {},
): Promise<string> {
  const outcome = await lineaprint(['run', '--', ...command], { cwd: root, env: { ...NO_GIT, ...env } })
  expect(outcome.code, outcome.stderr).toBe(0)
  return latestRun(root).folder
}

async function diff(before: string, after: string): Promise<RunDiff> {
  return diffRuns(await readRun(before), await readRun(after))
}

async function executionIn(folder: string): Promise<ExecutionFindings> {
  const execution = environmentOf((await readRun(folder)).record)?.execution
  if (execution?.status !== 'present') throw new Error('the execution was not recorded')
  return execution
}

/** Fields of the differences that are no arguments of the command. */
function fieldsOf({ differences }: RunDiff): string[] {
  return differences.map(({ field }) => field).filter((field) => !field.startsWith('command.'))
}

test(
  'the affinity of a Python program is a cause',
  { ...SLOW, skip: availableParallelism() < 2 },
  async () => {
    const root = folderOf({ 't.py': 'print(1)' })
    const folders = [
      await run(root, [PYTHON, 't.py']),
      await run(root, ['taskset', '-c', '0', PYTHON, 't.py']),
      await run(root, ['sh', '-c', `taskset -c 1 ${PYTHON} t.py`]),
    ] as const
    const all = await diff(folders[0], folders[1])
    expect(fieldsOf(all)).toEqual(['execution.affinity'])
    expect(all.differences.find(({ field }) => field === 'execution.affinity')).toMatchObject({
      cause: 'execution',
      after: '1 processor (0)',
    })
    // One processor is as good as another.
    expect(fieldsOf(await diff(folders[1], folders[2]))).toEqual([])
  },
)

test('the affinity of any command is a cause', { ...SLOW, skip: availableParallelism() < 2 }, async () => {
  const root = folderOf()
  const folders = [
    await run(root, ['sleep', '1']),
    await run(root, ['taskset', '-c', '0', 'sleep', '1']),
  ] as const
  expect((await executionIn(folders[1])).command).toMatchObject({ affinity: '0' })
  expect(fieldsOf(await diff(...folders))).toEqual(['execution.affinity'])
})

test('threads that only the script of a run sets are a cause', SLOW, async () => {
  const root = folderOf({ 't.py': 'import numpy; numpy.ones((9, 9)) @ numpy.ones((9, 9))' })
  const command = (threads: number): string[] => [
    'sh',
    '-c',
    `OPENBLAS_NUM_THREADS=${threads} OMP_NUM_THREADS=${threads} ${PYTHON} t.py`,
  ]
  const [one, two] = [await run(root, command(1)), await run(root, command(2))]
  const [program] = (await executionIn(one)).programs
  expect(program).toMatchObject({
    script: 't.py',
    settings: { OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1', 'openblas.threads': '1' },
  })
  const fields = fieldsOf(await diff(one, two))
  expect(fields).toContain('execution.OMP_NUM_THREADS')
  // With one processor there is one thread in any case.
  expect(fields.includes('execution.openblas.threads')).toBe(availableParallelism() > 1)
  expect(fieldsOf(await diff(one, one))).toEqual([])
})

test('a variable that the environment has is one difference and not two', SLOW, async () => {
  const root = folderOf({ 't.py': 'print(1)' })
  const folders = [
    await run(root, [PYTHON, 't.py'], { OMP_NUM_THREADS: '1' }),
    await run(root, [PYTHON, 't.py'], { OMP_NUM_THREADS: '2' }),
  ] as const
  expect(fieldsOf(await diff(...folders))).toEqual(['environment.variables.OMP_NUM_THREADS'])
})

/** A module that has what is documented of PyTorch, in one of two versions. */
const torchOf = (newer: boolean): string => `
class Precision:
    def __init__(self, value): self.value = value
    @property
    def fp32_precision(self):
        ${newer ? 'return self.value' : 'raise AttributeError("fp32_precision")'}
    @property
    def allow_tf32(self):
        ${newer ? 'import warnings; warnings.warn("old"); raise RuntimeError("mix of the legacy and new APIs")' : 'return True'}
class Box: pass
backends = Box(); backends.cudnn = Box(); backends.cuda = Box()
backends.cuda.matmul = Precision("tf32")
backends.cudnn.conv = Precision("ieee"); backends.cudnn.enabled = True; backends.cudnn.benchmark = True
backends.cudnn.deterministic = False; backends.cudnn.allow_tf32 = False
def get_num_threads(): return 7
def get_num_interop_threads(): return 3
def are_deterministic_algorithms_enabled(): return True
def is_deterministic_algorithms_warn_only_enabled(): raise RuntimeError("not now")
def get_float32_matmul_precision(): return "high"
`

test.each([true, false])('the settings of PyTorch are read, newer: %s', SLOW, (newer) => {
  const source = `import types, warnings
warnings.simplefilter("error")
torch = types.ModuleType("torch")
exec(${JSON.stringify(torchOf(newer))}, torch.__dict__)
sys.modules["torch"] = torch
from _lineaprint import _execution
say(_execution.settings())`
  const [settings] = plainPython(source, folderOf())
  expect(settings).toMatchObject({
    'torch.threads': '7',
    'torch.interopThreads': '3',
    'torch.deterministicAlgorithms': 'True',
    'torch.float32MatmulPrecision': 'high',
    'torch.cudnn.benchmark': 'True',
    'torch.cudnn.deterministic': 'False',
    ...(newer
      ? { 'torch.cuda.matmulPrecision': 'tf32', 'torch.cudnn.convPrecision': 'ieee' }
      : { 'torch.cuda.matmulTf32': 'True', 'torch.cudnn.tf32': 'False' }),
  })
  const names = Object.keys(settings as object)
  expect(names).not.toContain('torch.deterministicWarnOnly')
  expect(names.includes('torch.cuda.matmulTf32')).toBe(!newer)
})

test('a library that is broken costs nothing', SLOW, () => {
  const source = `import types
class Broken(types.ModuleType):
    def __getattr__(self, name): raise ValueError(name)
for name in ("torch", "tensorflow", "jax", "ctypes"): sys.modules[name] = Broken(name)
from _lineaprint import _execution
say(_execution.settings())`
  expect(plainPython(source, folderOf(), { OMP_NUM_THREADS: '5', PYTHONPATH: BRIDGE })).toEqual([
    { OMP_NUM_THREADS: '5' },
  ])
})

const POOL = `import multiprocessing as mp, os, time
def work(task):
    time.sleep(os.urandom(1)[0] / 5000)
    return task + os.urandom(1)[0]
if __name__ == "__main__":
    with mp.get_context("fork").Pool(2) as pool:
        total = sum(pool.imap_unordered(work, range(20)))
    open("out.txt", "w").write(str(total + time.time()))
`

test('where no recorded cause differs, diff says so, and names a pool of workers', SLOW, async () => {
  const root = folderOf({ 't.py': POOL })
  const command = ['--output', 'out=out.txt', '--', PYTHON, 't.py']
  const folders: string[] = []
  for (let number = 0; number < 2; number++) {
    await lineaprint(['run', ...command], { cwd: root, env: NO_GIT })
    folders.push(latestRun(root).folder)
  }
  const [before = '', after = ''] = folders
  const { firstCause, unexplained } = await diff(before, after)
  expect(firstCause).toBeNull()
  expect(unexplained.some((sentence) => sentence.includes('a pool of 2 worker processes'))).toBe(true)
  expect(unexplained.some((sentence) => sentence.startsWith('not compared: git'))).toBe(true)
  const printed = await lineaprint(['diff', before, after], { cwd: root })
  expect(printed.stdout).toContain('no recorded cause differs')
})

test('where a cause differs, or no result does, diff says nothing of it', SLOW, async () => {
  const root = folderOf({ 't.py': 'import sys; open("out.txt", "w").write(sys.argv[1])' })
  const folders: string[] = []
  for (const word of ['a', 'b', 'b']) {
    await lineaprint(['run', '--output', 'out=out.txt', '--', PYTHON, 't.py', word], {
      cwd: root,
      env: NO_GIT,
    })
    folders.push(latestRun(root).folder)
  }
  const [first = '', second = '', third = ''] = folders
  expect((await diff(first, second)).unexplained).toEqual([])
  expect((await diff(second, third)).unexplained).toEqual([])
})
