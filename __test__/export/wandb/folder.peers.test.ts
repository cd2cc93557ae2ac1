/** What the real `wandb sync` makes of our folders, against a stand-in for the service. */
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { exportToWandb } from '../../../src/export/wandb/folder.ts'
import { ExperimentTracker } from '../../../src/tracking/tracker.ts'
import { readRun } from '../../../src/store/runs.ts'
import { NO_CAPTURES } from '../../tracking/support.ts'
import { folderOf } from '../../support/folder.ts'
import { hasPeer, runPeer } from '../peers.ts'
import { repositoryOf } from '../repository.ts'
import { wandbService } from './service.ts'
import type { ExperimentOptions } from '../../../src/config/options.ts'
import type { StoredRun } from '../../../src/store/runs.ts'
import type { StreamedRun, WandbService } from './service.ts'

const KEY = 'k'.repeat(40)
/** Starting wandb takes seconds, and much longer on a machine that does other things. */
const TIMEOUT = 300_000

/** A repository with a commit, a remote with a password, and a change. */
function repository(): string {
  const root = repositoryOf({ 'train.py': 'print(1)\n', 'data.csv': 'a\n1\n' })
  writeFileSync(join(root, 'train.py'), 'print(2)\n')
  return root
}

/** A run with values that are hard to carry. */
async function makeRun(root: string, options: ExperimentOptions = {}): Promise<StoredRun> {
  const tracker = new ExperimentTracker(
    {
      outputDir: root,
      experimentName: 'sync test',
      ...NO_CAPTURES,
      enableGitTracking: true,
      tags: ['research', 'ä'],
      notes: 'two\nlines',
      metadata: { lr: 0.1, long: 'x'.repeat(80_000), nested: { layers: [1, 2], name: 'ü"\\' } },
      ...options,
    },
    { directory: root, environment: {} },
  )
  await tracker.startExperiment()
  await tracker.trackDataset('data.csv', 'data')
  for (const [step, loss] of [0.5, NaN, Infinity, -Infinity, 1e-300, 0.1 + 0.2].entries())
    tracker.logMetrics({ loss, accuracy: step / 10 }, { step: step * 10 })
  tracker.logMetric('late', 1, { step: 10 })
  tracker.logMetric('stepless', 7)
  await tracker.finishExperiment()
  return readRun(tracker.runDirectory)
}

async function sync(folder: string, service: WandbService): Promise<void> {
  const env = { WANDB_BASE_URL: service.url, WANDB_API_KEY: KEY, WANDB_ERROR_REPORTING: 'false' }
  const { code, output } = await runPeer('wandb', ['-m', 'wandb', 'sync', folder], { cwd: folder, env })
  expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('Finished syncing') as string })
  expect(service.unknown).toEqual([])
}

/** A row as the service got it; JSON with NaN and the infinities in it, as Python writes them. */
function rowOf(line: string): Record<string, unknown> {
  const strict = line.replace(/:(NaN|-?Infinity)/g, ':"$1"')
  const entries = Object.entries(JSON.parse(strict) as Record<string, unknown>)
  return Object.fromEntries(
    entries.map(([key, value]) => [key, typeof value === 'string' ? Number(value) : value]),
  )
}

function metricsOf({ history }: StreamedRun): Record<string, unknown>[] {
  return history.map((line) => {
    const { _timestamp: _, _runtime: __, ...row } = rowOf(line)
    return row
  })
}

const ROWS = [
  { _step: 0, loss: 0.5, accuracy: 0, stepless: 7 },
  { _step: 10, loss: NaN, accuracy: 0.1, late: 1 },
  { _step: 20, loss: Infinity, accuracy: 0.2 },
  { _step: 30, loss: -Infinity, accuracy: 0.3 },
  { _step: 40, loss: 1e-300, accuracy: 0.4 },
  { _step: 50, loss: 0.1 + 0.2, accuracy: 0.5 },
]

function checkReceived(service: WandbService, { record, folder, recordBytes }: StoredRun): void {
  const git = record.captures['git']
  const commit = git?.status === 'captured' ? git.value['commit'] : undefined
  expect(commit).toMatch(/^[0-9a-f]{40}$/)
  const first = service.upserts.find(({ name }) => name === record.id)
  expect(first).toMatchObject({
    project: 'sync test',
    displayName: record.id,
    notes: 'two\nlines',
    commit,
    repo: 'https://git.example/repo.git',
    tags: ['research', 'ä'],
    host: record.process.host,
  })
  const config = JSON.parse(String(first?.['config'])) as Record<string, { value: unknown }>
  expect(config).toMatchObject({
    lr: { value: 0.1 },
    long: { value: 'x'.repeat(80_000) },
    nested: { value: { layers: [1, 2], name: 'ü"\\' } },
    lineaprint: {
      value: {
        run: record.id,
        seal: record.seal,
        digests: { datasets: { data: (record.datasets['data'] as unknown as { digest: string }).digest } },
      },
    },
  })
  const run = service.runs.get(record.id)
  expect(run && metricsOf(run)).toEqual(ROWS)
  expect(rowOf(run?.summary.at(-1) ?? '')).toMatchObject({
    loss: 0.1 + 0.2,
    accuracy: 0.5,
    late: 1,
    _step: 50,
  })
  expect(run).toMatchObject({ exitCode: 0, complete: true })
  expect(run?.files.get('run.json')).toEqual(Buffer.from(recordBytes))
  expect(run?.files.get('diff.patch')).toEqual(readFileSync(join(folder, 'git/diff.patch')))
  expect(run?.files.get('metrics.svg')?.toString()).toContain('<svg')
  expect(JSON.parse(run?.files.get('wandb-metadata.json')?.toString() ?? '')).toMatchObject({
    git: { remote: 'https://git.example/repo.git', commit },
    startedAt: record.startedAt,
    root: record.command.workingDirectory,
  })
}

test.skipIf(!hasPeer('wandb'))('a finished run arrives whole', { timeout: TIMEOUT }, async () => {
  const run = await makeRun(repository())
  const out = folderOf()
  const report = await exportToWandb(run, { directory: out })
  expect(report).toMatchObject({ values: 14, warnings: [], files: ['diff.patch', 'metrics.svg', 'run.json'] })
  const service = await wandbService()
  await sync(report.folder, service)
  checkReceived(service, run)
  // No credentials: neither those of the remote nor of anything else. What is sent with a key is wandb's own doing.
  const sent =
    JSON.stringify(service.upserts) +
    [...service.runs.values()].flatMap(({ files }) => [...files.values()]).join()
  expect(sent).not.toContain('hunter2')
  expect(readFileSync(join(report.folder, `run-${run.id}.wandb`)).includes('hunter2')).toBe(false)
})

test.skipIf(!hasPeer('wandb'))(
  'a live run arrives as whole, and two trackers are two runs',
  { timeout: TIMEOUT },
  async () => {
    const root = repository()
    const runs = [await makeRun(root, { saveToWandb: true }), await makeRun(root, { saveToWandb: true })]
    const service = await wandbService()
    const folders = readdirSync(join(root, '.lineaprint/wandb')).toSorted()
    expect(folders).toHaveLength(2)
    for (const folder of folders) await sync(join(root, '.lineaprint/wandb', folder), service)
    for (const run of runs) {
      expect(run.record.warnings).toEqual([])
      checkReceived(service, run)
      // One run for all that was said in its time: W&B is told once that it begins.
      expect(service.upserts.filter(({ name, displayName }) => name === run.id && displayName)).toHaveLength(
        1,
      )
    }
    expect([...service.runs.keys()].toSorted()).toEqual(runs.map(({ id }) => id).toSorted())
  },
)

test.skipIf(!hasPeer('wandb')).each([
  ['failed', 1],
  ['killed', 1],
] as const)('a %s run arrives as failed', { timeout: TIMEOUT }, async (status, exitCode) => {
  const root = folderOf()
  const tracker = new ExperimentTracker(
    { outputDir: root, ...NO_CAPTURES },
    { directory: root, environment: {} },
  )
  await tracker.startExperiment()
  await tracker.finishExperiment(status)
  const run = await readRun(tracker.runDirectory)
  const service = await wandbService()
  await sync((await exportToWandb(run, { directory: folderOf() })).folder, service)
  expect(service.runs.get(run.id)).toMatchObject({ exitCode, complete: true, history: [] })
})

const READER = `
import json, sys
sys.path.insert(0, sys.argv[1])
from datastore import DataStore
from wandb.proto import wandb_internal_pb2 as pb
store = DataStore()
store.open_for_scan(sys.argv[2])
found = []
while (data := store.scan_data()) is not None:
    record = pb.Record()
    record.ParseFromString(data)
    kind = record.WhichOneof("record_type")
    items = {"history": "item", "summary": "update"}.get(kind)
    values = {item.key: item.value_json for item in getattr(getattr(record, kind), items)} if items else {}
    unknown = [] if len(record.SerializeToString()) == len(data) else ["unknown fields"]
    found.append([record.num, kind, values, *unknown])
print(json.dumps(found))
`

test.skipIf(!hasPeer('wandb'))(
  "wandb's own reader in Python reads every record",
  { timeout: TIMEOUT },
  async () => {
    const run = await makeRun(repository())
    const { folder } = await exportToWandb(run, { directory: folderOf() })
    const args = ['-c', READER, join(process.cwd(), '.peers/wandb'), join(folder, `run-${run.id}.wandb`)]
    const { code, output } = await runPeer('wandb', args, { cwd: folder })
    expect(code, output).toBe(0)
    const found = JSON.parse(output) as [number, string, Record<string, string>][]
    expect(found.map(([number, kind, , ...rest]) => [number, kind, ...rest])).toEqual(
      [
        'header',
        'run',
        'environment',
        ...ROWS.map(() => 'history'),
        'summary',
        'files',
        'exit',
        'final',
        'footer',
      ].map((kind, index) => [index + 1, kind]),
    )
    const losses = found.filter(([, kind]) => kind === 'history').map(([, , { loss }]) => loss)
    expect(losses).toEqual(['0.5', 'NaN', 'Infinity', '-Infinity', '1e-300', '0.30000000000000004'])
    expect(existsSync(join(folder, 'files/run.json'))).toBe(true)
  },
)
