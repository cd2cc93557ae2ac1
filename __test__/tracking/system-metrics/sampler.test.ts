import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { diffRuns } from '../../../src/diff/runs.ts'
import { gpuSource } from '../../../src/tracking/system-metrics/gpu.ts'
import { fromPs, parseStat, processSource, treeOf } from '../../../src/tracking/system-metrics/processes.ts'
import { SystemSampler } from '../../../src/tracking/system-metrics/sampler.ts'
import { readRun } from '../../../src/store/runs.ts'
import { folderOf } from '../../support/folder.ts'
import { started } from '../support.ts'
import { withTool } from './with-tool.ts'
import type { SystemSource } from '../../../src/tracking/system-metrics/system-source.ts'

const never = new AbortController().signal

/** Gathers what a sampler says. */
class Gathered {
  readonly values = new Map<string, number[]>()
  readonly warnings: string[] = []

  log(name: string, value: number): void {
    this.values.set(name, [...(this.values.get(name) ?? []), value])
  }

  warn(message: string): void {
    this.warnings.push(message)
  }
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await setTimeout(10)
}

test('a run with systemMetrics has metrics of machine and processes, and none after its end', async () => {
  const tracker = await started(folderOf(), { systemMetrics: { intervalSeconds: 0.1 } })
  const spent = performance.now()
  while (performance.now() - spent < 300) await setTimeout(1)
  const { metrics, warnings } = await tracker.finishExperiment()
  expect(warnings).toEqual([])
  const memory = metrics['system/memory_percent']
  expect(memory?.min).toBeGreaterThan(0)
  expect(memory?.max).toBeLessThanOrEqual(100)
  // At the start and at the end at least, whatever the timers did meanwhile.
  expect(memory?.count).toBeGreaterThanOrEqual(2)
  expect(metrics['system/cpu_percent']?.max).toBeLessThanOrEqual(100)
  const { record } = await readRun(tracker.runDirectory)
  expect(record.configuration['systemMetrics']).toEqual({ intervalSeconds: 0.1 })
})

test.skipIf(process.platform === 'win32')(
  'a program of its own is looked at with what it started',
  async () => {
    const tracker = await started(folderOf(), { systemMetrics: { intervalSeconds: 0.1 } })
    const from = performance.now()
    while (performance.now() - from < 300) await setTimeout(1)
    const { metrics } = await tracker.finishExperiment()
    expect(metrics['system/process_memory_bytes']?.min).toBeGreaterThan(20_000_000)
    expect(metrics['system/process_count']?.min).toBeGreaterThanOrEqual(1)
    expect(metrics['system/process_cpu_percent']?.count).toBeGreaterThanOrEqual(1)
  },
)

test('without the option nothing is sampled', async () => {
  for (const systemMetrics of [undefined, false]) {
    const tracker = await started(folderOf(), { systemMetrics })
    expect((await tracker.finishExperiment()).metrics).toEqual({})
  }
  for (const systemMetrics of [{ intervalSeconds: 0 }, { intervalSeconds: 1, every: 2 }, 5, 'yes']) {
    await expect(started(folderOf(), { systemMetrics } as never)).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_CONFIGURATION',
      field: 'systemMetrics',
    })
  }
})

test('two runs do not differ by their machines', async () => {
  const runs = []
  for (let round = 0; round < 2; round++) {
    const root = folderOf()
    const tracker = await started(root, { experimentId: 'x', systemMetrics: true, outputDir: root })
    tracker.logMetric('loss', 1)
    await setTimeout(round * 120)
    await tracker.finishExperiment()
    runs.push(await readRun(tracker.runDirectory))
  }
  const { differences, firstDivergence } = await diffRuns(runs[0]!, runs[1]!)
  expect(differences.filter(({ field }) => field.startsWith('metrics.'))).toEqual([])
  expect(firstDivergence).toBeNull()
})

test('a source that fails is one warning, and the others go on', async () => {
  const gathered = new Gathered()
  let asked = 0
  const sources: SystemSource[] = [
    { name: 'good', sample: async () => ({ good: 1 }) },
    {
      name: 'bad',
      sample: async () => {
        asked++
        throw new Error('broken')
      },
    },
    { name: 'absent', sample: async () => undefined },
  ]
  const sampler = new SystemSampler(gathered, { intervalSeconds: 0.01, root: process.pid, sources })
  await until(() => (gathered.values.get('system/good')?.length ?? 0) >= 3)
  await sampler.stop()
  const count = gathered.values.get('system/good')?.length
  await setTimeout(60)
  expect(gathered.values.get('system/good')?.length).toBe(count)
  expect(gathered.warnings).toEqual(['system metrics of bad stopped: broken'])
  expect(asked).toBe(1)
})

test('a source that hangs does not hold up the end, and a target that is closed stops the sampler', async () => {
  const gathered = new Gathered()
  const hanging: SystemSource = {
    name: 'hanging',
    slow: true,
    sample: (signal) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
  }
  await new SystemSampler(gathered, { intervalSeconds: 1, root: process.pid, sources: [hanging] }).stop()
  expect(gathered.warnings).toEqual([])

  let calls = 0
  const closed = {
    log: () => {
      throw new Error('closed')
    },
    warn: () => undefined,
  }
  const counting: SystemSource = { name: 'counting', sample: async () => ({ value: ++calls }) }
  const sampler = new SystemSampler(closed, { intervalSeconds: 0.01, root: process.pid, sources: [counting] })
  await until(() => calls > 0)
  await setTimeout(60)
  await sampler.stop()
  expect(calls).toBe(1)
})

test.runIf(process.platform === 'linux')(
  'the processor time and memory of a tree are those of its processes',
  async () => {
    // A child that keeps a processor busy below one that only waits.
    const child = spawn('sh', ['-c', `${process.execPath} -e "for (;;);" & wait`], {
      stdio: 'ignore',
      detached: true,
    })
    onTestFinished(() => void process.kill(-child.pid!, 'SIGKILL'))
    const source = processSource(child.pid!)
    let values: Readonly<Record<string, number>> = {}
    await until(() => {
      void source.sample(never).then((sample) => (values = sample ?? {}))
      return (values['process_cpu_percent'] ?? 0) > 5 && values['process_count'] === 2
    })
    expect(values['process_memory_bytes']).toBeGreaterThan(20_000_000)
    const ended = once(child, 'close')
    process.kill(-child.pid!, 'SIGKILL')
    await ended
    expect(await source.sample(never)).toEqual({})
  },
)

test('a tree is found by parents', () => {
  const process = (pid: number, parent: number): { pid: number; parent: number; seconds: number } => ({
    pid,
    parent,
    seconds: 0,
  })
  const all = [process(1, 0), process(5, 1), process(7, 5), process(8, 7), process(9, 1), process(0, 0)]
  expect(treeOf(all, 5).map(({ pid }) => pid)).toEqual([5, 7, 8])
  expect(treeOf(all, 6)).toEqual([])
  expect(treeOf(all, 0).map(({ pid }) => pid)).toEqual([0, 1, 5, 9, 7, 8])
  const stat = '42 (a ) b (c) R 7 1 1 0 -1 4194560 1 2 3 4 100 50 25 25 20 0 1 0 12345 1 2 3'
  expect(parseStat(stat)).toEqual({ pid: 42, parent: 7, seconds: 2, started: 12345 })
})

test.skipIf(process.platform === 'win32')('ps tells of this process', async () => {
  const own = (await fromPs(never)).find(({ pid }) => pid === process.pid)
  expect(own?.parent).toBe(process.ppid)
  expect(own?.bytes).toBeGreaterThan(20_000_000)
  expect(own?.seconds).toBeGreaterThanOrEqual(0)
})

/** A folder with an nvidia-smi that prints this, as the variables of a process that finds it first. */
test.skipIf(process.platform === 'win32')('graphics processors are read from their tool', async () => {
  const two = withTool(`[ "$2" = --format=csv,noheader,nounits ] || exit 9
echo '0, 37, 1024, 81559, 45, 120.53'
echo '1, [N/A], 0, 81559, 30, [Not Supported]'`)
  expect(await gpuSource(two).sample(never)).toEqual({
    'gpu/0/utilization_percent': 37,
    'gpu/0/memory_used_bytes': 2 ** 30,
    'gpu/0/memory_total_bytes': 81559 * 2 ** 20,
    'gpu/0/temperature_celsius': 45,
    'gpu/0/power_watts': 120.53,
    'gpu/1/memory_used_bytes': 0,
    'gpu/1/memory_total_bytes': 81559 * 2 ** 20,
    'gpu/1/temperature_celsius': 30,
  })
  expect(await gpuSource({ PATH: folderOf() }).sample(never)).toBeUndefined()
  await expect(gpuSource(withTool('echo "no driver" >&2; exit 9')).sample(never)).rejects.toThrow(/no driver/)
})
