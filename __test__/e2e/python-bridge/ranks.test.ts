/** What several processes of a run log under one name: ranks of a job, workers, and programs that run at once. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readRun } from '../../../src/store/runs.ts'
import { diffRuns } from '../../../src/diff/runs.ts'
import { FAST } from '../runs/support.ts'
import { folderOf } from '../../support/folder.ts'
import { lineaprint } from '../../support/program.ts'
import { PYTHON, latestRun, python } from './support.ts'
import type { RunDiff } from '../../../src/diff/runs.ts'
import type { PythonRun } from './support.ts'

const SLOW = { timeout: 240_000 }

/** Starts ranks in the order of their numbers; they log at random times. */
const JOB = (variable: string, work: string): string => `import subprocess, time
if ${JSON.stringify(variable)} not in os.environ:
    ranks = [subprocess.Popen([sys.executable, __file__], env={**os.environ, ${JSON.stringify(variable)}: str(rank)}) for rank in range(4)]
    sys.exit(max(rank.wait() for rank in ranks))
import lineaprint
rank = int(os.environ[${JSON.stringify(variable)}])
def pause(): time.sleep(os.urandom(1)[0] / 2000)
${work}`

const LOGS = `for step in range(3):
    pause()
    lineaprint.log_metric("loss", rank + step / 10, step=step)
    lineaprint.log_digest("batch", bytes([rank, step]), step=step)
lineaprint.add_metadata({"lr": rank / 10, "epochs": 3})
pause()`

async function diffOf(one: PythonRun, two: PythonRun): Promise<RunDiff> {
  return diffRuns(await readRun(one.folder), await readRun(two.folder))
}

const lastOf = ({ record }: PythonRun): Record<string, unknown> =>
  Object.fromEntries(Object.entries(record.metrics).map(([name, { last }]) => [name, last]))

test.each(['RANK', 'SLURM_PROCID', 'PMI_RANK'])(
  'each rank by %s has series of its own, and equal runs are equal',
  SLOW,
  async (variable) => {
    const [one, two] = [await python(JOB(variable, LOGS)), await python(JOB(variable, LOGS))]
    for (const run of [one, two]) {
      expect(lastOf(run)).toEqual({ loss: 0.2, 'loss/rank 1': 1.2, 'loss/rank 2': 2.2, 'loss/rank 3': 3.2 })
      expect(Object.keys(run.record.digests ?? {})).toEqual([
        'batch',
        ...[1, 2, 3].map((rank) => `batch/rank ${rank}`),
      ])
      expect(run.record.metadata).toEqual({
        epochs: 3,
        lr: 0,
        'lr/rank 1': 0.1,
        'lr/rank 2': 0.2,
        'lr/rank 3': 0.3,
      })
      const { processes = [] } = run.record
      expect(new Set(processes.map(({ rank }) => rank))).toEqual(new Set([0, 1, 2, 3]))
      expect(run.record.metrics['loss/rank 3']).toMatchObject({
        count: 3,
        loggedAs: 'loss',
        process: processes.find(({ rank }) => rank === 3)?.number,
      })
    }
    const diff = await diffOf(one, two)
    expect(diff.differences.filter(({ field }) => field !== 'command.workingDirectory')).toEqual([])
    expect(diff.firstDivergence).toBeNull()
  },
)

const STEPS = `open(f"shard-{rank}", "w").write(str(rank))
lineaprint.track_dataset("program.py", "code")
pause()
lineaprint.track_output(f"shard-{rank}", "shard")
lineaprint.derive("shard", "code", step="cut", params={"shards": 4})
lineaprint.derive("own", "code", step=f"rank {rank}")
for batch in lineaprint.track_batches([[rank, rank + 1], [rank + 2, rank + 3]], "train"):
    pause()`

test('each rank has the order of its samples, and a step that all declare is one of each', SLOW, async () => {
  const [one, two] = [await python(JOB('RANK', STEPS)), await python(JOB('RANK', STEPS))]
  for (const { record } of [one, two]) {
    const orders = Object.entries(record.digests ?? {}).filter(([name]) => name.startsWith('order of train'))
    const ranks = [1, 2, 3].map((rank) => `order of train, epoch 0/rank ${rank}`)
    expect(orders.map(([name]) => name)).toEqual(['order of train, epoch 0', ...ranks])
    // Each rank saw other samples.
    expect(new Set(orders.map(([, { last }]) => last)).size).toBe(4)
    const steps = (record.derivations ?? []).map(({ name, step }) => `${name}: ${step}`)
    expect(steps.filter((step) => step === 'shard: cut')).toHaveLength(1)
    expect(steps.filter((step) => step.startsWith('own: ')).toSorted()).toEqual(
      [0, 1, 2, 3].map((rank) => `own: rank ${rank}`),
    )
    expect(Object.keys(record.outputs)).toEqual(['shard', ...[1, 2, 3].map((rank) => `shard/rank ${rank}`)])
  }
  const diff = await diffOf(one, two)
  expect(diff.differences.filter(({ field }) => field.startsWith('digests'))).toEqual([])
})

test('every value in the journal names its process', SLOW, async () => {
  const { folder, record } = await python(JOB('RANK', LOGS))
  const events = readFileSync(join(folder, 'events.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; process?: unknown; value?: number })
  const ranks = new Map(record.processes?.map(({ number, rank }) => [number, rank]))
  const values = events.filter(({ type }) => type === 'metric')
  expect(values).toHaveLength(12)
  for (const { process, value } of values) expect(ranks.get(process as number)).toBe(Math.floor(value ?? -1))
})

test('a rank with another value is named, with its step', SLOW, async () => {
  const other = LOGS.replace('rank + step / 10', 'rank + step / 10 + (1 if rank == 2 and step == 1 else 0)')
  const [one, two] = [await python(JOB('RANK', LOGS)), await python(JOB('RANK', other))]
  const diff = await diffOf(one, two)
  expect(diff.differences.filter(({ cause }) => cause === 'metrics').map(({ field }) => field)).toEqual([
    'metrics.loss/rank 2',
  ])
  expect(diff.firstDivergence).toEqual({ step: 1, digests: [], metrics: ['loss/rank 2'] })
})

test('ranks track their shards under one name, and what is equal once', SLOW, async () => {
  const work = `import array, numpy
pause()
lineaprint.track_dataset(array.array("d", [rank]), "shard")
lineaprint.track_dataset(array.array("d", [7]), "all")
lineaprint.track_model({"w": numpy.array([rank], "f4")}, "part")
if rank == 0: lineaprint.track_model({"w": numpy.array([3], "f4")}, "final")`
  const [one, two] = [await python(JOB('RANK', work)), await python(JOB('RANK', work))]
  for (const { record, stderr } of [one, two]) {
    expect(stderr).not.toContain('Traceback')
    expect(Object.keys(record.datasets).toSorted()).toEqual([
      'all',
      'shard',
      'shard/rank 1',
      'shard/rank 2',
      'shard/rank 3',
    ])
    expect(Object.keys(record.models)).toContain('part/rank 3')
    expect(Object.keys(record.models)).toContain('final')
  }
  const diff = await diffOf(one, two)
  expect(diff.differences.filter(({ field }) => field !== 'command.workingDirectory')).toEqual([])
})

test('one rank that gives a name two contents is refused, as any program is', SLOW, async () => {
  const work = `import array
os.environ["LINEAPRINT_STRICT"] = "1"
lineaprint.track_dataset(array.array("d", [rank]), "shard")
if rank == 1:
    try: lineaprint.track_dataset(array.array("d", [9]), "shard")
    except lineaprint.LineaprintError as error: say(error.code)`
  expect((await python(JOB('RANK', work))).said).toEqual(['ERR_LINEAPRINT_ARGUMENT'])
})

test.each([
  [
    'subprocess',
    'import subprocess; all = [subprocess.Popen([sys.executable, "worker.py", str(at)]) for at in range(3)]; [one.wait() for one in all]',
    ['loss/worker 1', 'loss/worker 2', 'loss/worker 3'],
  ],
  [
    'fork',
    'import multiprocessing as mp; all = [mp.get_context("fork").Process(target=worker.work, args=(at,)) for at in range(3)]; [one.start() for one in all]; [one.join() for one in all]',
    ['loss/fork 1', 'loss/fork 2', 'loss/fork 3'],
  ],
  [
    'spawn',
    'import multiprocessing as mp; all = [mp.get_context("spawn").Process(target=worker.work, args=(at,)) for at in range(3)]; [one.start() for one in all]; [one.join() for one in all]',
    ['loss/spawn 1', 'loss/spawn 2', 'loss/spawn 3'],
  ],
] as const)(
  'workers by %s are compared by their positions, with and without a seed',
  SLOW,
  async (_, starts, names) => {
    const worker = `import os, sys, time
def work(at):
    import lineaprint
    for step in range(3):
        time.sleep(os.urandom(1)[0] / 2000)
        lineaprint.log_metric("loss", at + step / 10, step=step)
if __name__ == "__main__": work(int(sys.argv[1]))`
    const source = `import worker
if __name__ == "__main__":
    ${starts}`
    for (const options of [[], ['--seed', '4']]) {
      const runs = [
        await python(source, { options, root: folderOf({ 'worker.py': worker }) }),
        await python(source, { options, root: folderOf({ 'worker.py': worker }) }),
      ] as const
      for (const run of runs) {
        expect(lastOf(run)).toEqual(Object.fromEntries(names.map((name, at) => [name, at + 0.2])))
      }
      const diff = await diffOf(...runs)
      expect(diff.differences.filter(({ cause }) => cause === 'metrics')).toEqual([])
    }
  },
)

test('programs that a shell starts at once are told apart by the order of their start', SLOW, async () => {
  const worker = `import os, sys, time
time.sleep(os.urandom(1)[0] / 1000)
import lineaprint
lineaprint.log_metric("loss", float(sys.argv[1]))`
  const command = `for at in 0 1 2 3; do ${PYTHON} worker.py $at & done; wait`
  for (let round = 0; round < 3; round++) {
    const root = folderOf({ 'worker.py': worker })
    const outcome = await lineaprint(['run', '--', 'sh', '-c', command], { cwd: root, env: FAST })
    expect(outcome.code).toBe(0)
    const { metrics } = latestRun(root).record
    expect(Object.entries(metrics).map(([name, { last }]) => [name, last])).toEqual([
      ['loss', 0],
      ['loss/worker.py, no. 2', 1],
      ['loss/worker.py, no. 3', 2],
      ['loss/worker.py, no. 4', 3],
    ])
  }
})

test('the programs of a pipeline keep the plain names that only one of them uses', SLOW, async () => {
  const root = folderOf({
    'prepare.py': 'import lineaprint; lineaprint.log_metric("rows", 3)',
    'train.py': 'import lineaprint; lineaprint.log_metric("loss", 1); lineaprint.log_metric("loss", 2)',
    'evaluate.py':
      'import lineaprint; lineaprint.log_metric("loss", 4); lineaprint.log_metric("accuracy", 5)',
  })
  const command = ['prepare', 'train', 'evaluate'].map((name) => `${PYTHON} ${name}.py`).join(' && ')
  const outcome = await lineaprint(['run', '--', 'sh', '-c', command], { cwd: root, env: FAST })
  expect(outcome.code).toBe(0)
  const { metrics } = latestRun(root).record
  expect(Object.fromEntries(Object.entries(metrics).map(([name, { last }]) => [name, last]))).toEqual({
    rows: 3,
    loss: 2,
    'loss/evaluate.py': 4,
    accuracy: 5,
  })
})
