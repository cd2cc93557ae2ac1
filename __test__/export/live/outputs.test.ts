import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { readPoints } from '../../../src/export/source.ts'
import { Outputs } from '../../../src/export/live/outputs.ts'
import { readRun } from '../../../src/store/runs.ts'
import { checkSeal } from '../../../src/record/seal.ts'
import { folderOf } from '../../support/folder.ts'
import { keptFolder } from '../../support/kept-folder.ts'
import { BAD_SERVERS, badServer, serve } from '../mlflow/bad-servers.ts'
import { finished, runProgram, started } from '../../tracking/support.ts'
import type { LiveOutput } from '../../../src/export/live/live-output.ts'
import type { RunSource } from '../../../src/export/source.ts'

/** Waits for something that comes in its own time. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(50)
}

// They wait for servers that do not answer, all at once.
test.concurrent.for(BAD_SERVERS)(
  'a %s server does not harm the run',
  { timeout: 120_000 },
  async (kind, { onTestFinished }) => {
    const { url, requests } = await badServer(kind, onTestFinished)
    const trackingUri = url.replace('//', '//me:hunter2hunter2@')
    const tracker = await started(keptFolder(), { saveToMlflow: { trackingUri, timeoutMs: 4000 } })
    for (let step = 0; step < 3000; step++) tracker.logMetric('loss', step, { step })
    // The first attempt on the way, and with it a failure that nobody waits for.
    await until(() => requests.length > 0)
    const summary = await tracker.finishExperiment()
    expect(summary.status).toBe('finished')
    expect(summary.warnings).toEqual([
      expect.stringMatching(
        /^the run was not fully sent to MLflow: .*; to send it again: lineaprint export .* --format mlflow$/,
      ),
    ])
    const run = await readRun(tracker.runDirectory)
    expect(run.record).toMatchObject({ status: 'finished', warnings: summary.warnings, seal: summary.seal })
    expect(checkSeal(run.record)).toBe('holds')
    expect(run.record.metrics['loss']).toMatchObject({ count: 3000 })
    const folder =
      readFileSync(join(run.folder, 'run.json'), 'utf8') +
      readFileSync(join(run.folder, 'events.jsonl'), 'utf8')
    expect(/hunter2|bWU6aHVu/.exec(folder)?.[0]).toBeUndefined()
  },
)

test.concurrent(
  'a server that comes back gets what it missed',
  { timeout: 120_000 },
  async ({ onTestFinished }) => {
    let isBack = false
    const metrics: unknown[] = []
    const { url, requests } = await serve((request, response) => {
      if (!isBack) {
        response.writeHead(500).end()
        return
      }
      let body = ''
      request.on('data', (part: Buffer) => (body += part.toString()))
      request.on('end', () => {
        if (request.url?.endsWith('log-batch'))
          metrics.push(...(JSON.parse(body) as { metrics: unknown[] }).metrics)
        const run = { info: { run_id: 'r', artifact_uri: 'mlflow-artifacts:/1/r/artifacts' } }
        response.end(JSON.stringify({ experiment: { experiment_id: '1' }, run }))
      })
    }, onTestFinished)
    const tracker = await started(keptFolder(), { saveToMlflow: { trackingUri: url, timeoutMs: 60_000 } })
    for (let step = 0; step < 10; step++) tracker.logMetric('a', step, { step })
    await until(() => requests.length > 3)
    isBack = true
    for (let step = 10; step < 20; step++) tracker.logMetric('a', step, { step })
    expect((await tracker.finishExperiment()).warnings).toEqual([])
    const steps = new Set(metrics.map((metric) => (metric as { step: number }).step))
    expect([...steps].toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, step) => step))
    expect(requests.filter((request) => request.startsWith('PUT'))).toEqual(
      ['metrics.svg', 'run.json'].map(
        (name) => `PUT /api/2.0/mlflow-artifacts/artifacts/1/r/artifacts/lineaprint/${name}`,
      ),
    )
  },
)

test('without an address there is no run, and nothing is left', async () => {
  const root = folderOf()
  await expect(started(root, { saveToMlflow: true })).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_CONFIGURATION',
  })
  expect(readdirSync(root)).toEqual([])
})

test('neither is on by default', async () => {
  const root = folderOf()
  const environment = { MLFLOW_TRACKING_URI: 'http://127.0.0.1:9', WANDB_API_KEY: 'k' }
  const tracker = await started(root, {}, { environment })
  expect((await tracker.finishExperiment()).warnings).toEqual([])
  expect(readdirSync(join(root, '.lineaprint')).toSorted()).not.toContain('wandb')
})

test(
  'the file for W&B grows with the run, and a run that is killed has what it had',
  { timeout: 120_000 },
  async () => {
    const root = folderOf()
    const source = `
    const tracker = new ExperimentTracker({ ...off, experimentId: 'killed', saveToWandb: true, metadata: { lr: 0.5 } })
    await tracker.startExperiment()
    for (let step = 0; step < 50; step++) tracker.logMetric('loss', step / 4, { step })
    const { statSync } = await import('node:fs')
    const { readdirSync } = await import('node:fs')
    const size = () => {
      try {
        const [folder] = readdirSync('.lineaprint/wandb')
        return statSync('.lineaprint/wandb/' + folder + '/run-killed.wandb').size
      } catch { return 0 }
    }
    while (size() === 0) await new Promise((done) => setTimeout(done, 50))
    process.kill(process.pid, 'SIGKILL')
  `
    const { code, stderr } = await runProgram(source, root)
    expect({ code, stderr }).toEqual({ code: null, stderr: '' })
    const [folder = ''] = readdirSync(join(root, '.lineaprint/wandb'))
    const file = readFileSync(join(root, '.lineaprint/wandb', folder, 'run-killed.wandb'))
    // Every row but the last, which could have got more values.
    expect(file.toString('latin1').match(/loss/g)).toHaveLength(49)
    expect(file.includes('lr')).toBe(true)
  },
)

test('a disk that takes no file for W&B is a warning', async () => {
  const root = folderOf()
  writeFileSync(join(root, 'taken'), '')
  const run = await finished(root, { saveToWandb: { directory: join(root, 'taken') } })
  expect(run.record.status).toBe('finished')
  expect(run.record.warnings).toEqual([expect.stringMatching(/not fully sent to W&B: .*a file exists where/)])
  expect(checkSeal(run.record)).toBe('holds')
})

test('the folder for W&B is where it is wanted, and holds the record as it is on disk', async () => {
  const root = folderOf()
  const run = await finished(root, { saveToWandb: { directory: join(root, 'offline') } }, (tracker) => {
    // Two values at one step are one too many for W&B: a warning, and with it another record than the first.
    for (const value of [1, 2]) tracker.logMetric('a', value, { step: 0 })
  })
  expect(run.record.warnings).toEqual([
    expect.stringMatching(/W&B stores one value of a metric per step: 1 earlier values of "a"/),
  ])
  const [folder = ''] = readdirSync(join(root, 'offline'))
  expect(readFileSync(join(root, 'offline', folder, 'files/run.json'))).toEqual(Buffer.from(run.recordBytes))
  expect(existsSync(join(root, '.lineaprint/wandb'))).toBe(false)
})

function fake(name: string, change: Partial<LiveOutput>, calls: string[]): LiveOutput {
  return {
    name,
    format: name,
    timeoutMs: 60_000,
    take: (event) => void calls.push(`${name} took ${event.type}`),
    finish: async () => [],
    refresh: async ({ record }) => void calls.push(`${name} has ${record.warnings.join('; ')}`),
    stop: () => void calls.push(`${name} stopped`),
    ...change,
  }
}

test('a warning of one output reaches the record that the others have', async () => {
  const { record, folder } = await finished(folderOf())
  const calls: string[] = []
  const reseal = async (warnings: readonly string[]): Promise<RunSource> => {
    calls.push(`resealed: ${warnings.join('; ')}`)
    return { record: { ...record, warnings: [...record.warnings, ...warnings] }, folder }
  }
  const fails = async (): Promise<never> => Promise.reject(new Error('no'))
  const never = (): Promise<never> => new Promise(() => undefined)
  const outputs = new Outputs([
    fake('a', {}, calls),
    fake('b', { finish: async () => ['b lacks x'], refresh: fails }, calls),
    fake('c', { finish: fails }, calls),
    fake('d', { finish: never, timeoutMs: 50 }, calls),
  ])
  outputs.take({ type: 'notes', notes: '' }, '')
  await outputs.finish({ record, folder }, reseal)
  const given = (name: string, reason: string): string =>
    `the run was not fully sent to ${name}: ${reason}; to send it again: lineaprint export ${record.id} --format ${name}`
  const [c, d] = [given('c', 'no'), given('d', 'it took longer than 50 ms')]
  expect(calls).toEqual([
    ...['a', 'b', 'c', 'd'].map((name) => `${name} took notes`),
    ...['a', 'b', 'c', 'd'].map((name) => `${name} stopped`),
    `resealed: b lacks x; ${c}; ${d}`,
    `a has b lacks x; ${c}; ${d}`,
    `resealed: ${given('b', 'no')}`,
  ])
})

test('a signal ends the outputs, and nothing else', async () => {
  const { url, requests } = await badServer('hanging')
  const interrupt = new AbortController()
  const tracker = await started(
    folderOf(),
    { saveToMlflow: { trackingUri: url, timeoutMs: 600_000 } },
    { signal: interrupt.signal },
  )
  await until(() => requests.length > 0)
  const finishing = tracker.finishExperiment()
  await until(() => readFileSync(join(tracker.runDirectory, 'run.json'), 'utf8').includes('run.v1.blake3'))
  interrupt.abort(new Error('stopped by somebody'))
  const { status, warnings } = await finishing
  expect(status).toBe('finished')
  expect(warnings).toEqual([expect.stringMatching(/to MLflow: stopped by somebody; /)])
  expect(checkSeal((await readRun(tracker.runDirectory)).record)).toBe('holds')
})

test('values are told by whole steps, or by their number where there are none', async () => {
  const run = await finished(folderOf(), {}, (tracker) => {
    for (const step of [undefined, 7, 0.5, -1, 2 ** 53]) tracker.logMetric('a', 1, { step })
    tracker.logMetric('b', NaN)
  })
  const points: unknown[] = []
  expect(await readPoints(run, ({ name, step, value }) => points.push([name, step, value]))).toEqual([])
  expect(points).toEqual([
    ['a', 0, 1],
    ['a', 7, 1],
    ['a', 2, 1],
    ['a', 3, 1],
    ['a', 4, 1],
    ['b', 0, NaN],
  ])
})
