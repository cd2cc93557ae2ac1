/** What a real MLflow server makes of our runs, read back with MLflow's own client. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DIGEST_LIMIT } from '../../../src/export/mlflow/content.ts'
import { exportToMlflow } from '../../../src/export/mlflow/send.ts'
import { ExperimentTracker } from '../../../src/tracking/tracker.ts'
import { readRun } from '../../../src/store/runs.ts'
import { NO_CAPTURES, finished } from '../../tracking/support.ts'
import { folderOf } from '../../support/folder.ts'
import { floats, safetensors } from '../../support/safetensors.ts'
import { keptFolder } from '../../support/kept-folder.ts'
import { AnsweringPeer, hasPeer, startMlflow } from '../peers.ts'
import { repositoryOf } from '../repository.ts'
import type { ExperimentOptions } from '../../../src/config/options.ts'
import type { StoredRun } from '../../../src/store/runs.ts'
import type { MlflowServer } from '../peers.ts'

/** Starting a server takes seconds, and much longer on a machine that does other things. */
const TIMEOUT = 300_000

let server: MlflowServer
let reader: AnsweringPeer

beforeAll(async () => {
  if (!hasPeer('mlflow')) return
  reader = new AnsweringPeer('mlflow', ['-c', READER], { cwd: keptFolder() })
  server = await startMlflow()
}, TIMEOUT)
afterAll(() => Promise.all([server?.stop(), reader?.stop()]), TIMEOUT)

function repository(): string {
  const root = repositoryOf({
    'train.py': 'print(1)\n',
    'data.csv': 'a,b\n1,2\n',
    'model/model.safetensors': safetensors({ w: floats([1]) }),
  })
  writeFileSync(join(root, 'train.py'), 'print(2)\n')
  return root
}

const LOSSES = [0.5, NaN, Infinity, -Infinity, 1e-300, 0.1 + 0.2]
/** MLflow's database has no infinity: it keeps the largest number instead. */
const KEPT = [0.5, NaN, Number.MAX_VALUE, -Number.MAX_VALUE, 1e-300, 0.1 + 0.2]

async function makeRun(root: string, options: ExperimentOptions = {}): Promise<StoredRun> {
  const tracker = new ExperimentTracker(
    {
      outputDir: root,
      experimentName: 'server test',
      ...NO_CAPTURES,
      enableGitTracking: true,
      tags: ['research', 'mlflow.user', 'a=b'],
      notes: 'two\nlines',
      metadata: {
        lr: 0.1,
        nested: { layers: [1, 2], name: 'ü' },
        'nested.name': 'other',
        long: 'x'.repeat(7000),
        empty: {},
      },
      ...options,
    },
    { directory: root, environment: { MLFLOW_TRACKING_URI: server.url } },
  )
  await tracker.startExperiment()
  await tracker.trackDataset('data.csv', 'data')
  await tracker.trackDataset({ data: Float32Array.of(1, 2), shape: [2] }, 'in memory')
  await tracker.trackModel('model', 'net')
  for (const [step, loss] of LOSSES.entries())
    tracker.logMetrics({ loss, 'odd=name': step }, { step: step * 10, timestamp: 1_700_000_000_000 + step })
  for (let count = 0; count < 2500; count++) tracker.logMetric('many', count)
  await tracker.finishExperiment()
  return readRun(tracker.runDirectory)
}

interface Received {
  readonly info: Record<string, unknown>
  readonly params: Record<string, string>
  readonly tags: Record<string, string>
  readonly metrics: Record<string, [value: number | string, step: number, time: number][]>
  readonly datasets: {
    name: string
    digest: string
    source: string
    source_type: string
    tags: Record<string, string>
  }[]
  readonly artifacts: Record<string, string>
}

/** Is asked for the runs of an experiment, with its address and name. */
const READER = `
import base64, json, math, os, sys
# What MLflow prints goes elsewhere.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
from mlflow.tracking import MlflowClient
import mlflow
def files(client, run, path):
    for item in client.list_artifacts(run, path):
        if item.is_dir: yield from files(client, run, item.path)
        else: yield item.path
def plain(value): return value if math.isfinite(value) else str(value)
def answer(address, name):
    client = MlflowClient(address)
    mlflow.set_tracking_uri(address)
    experiment = client.get_experiment_by_name(name)
    found = []
    for run in client.search_runs([experiment.experiment_id]):
        id = run.info.run_id
        names = run.data.metrics
        found.append({
            "info": {"status": run.info.status, "start": run.info.start_time, "end": run.info.end_time, "name": run.info.run_name},
            "params": run.data.params,
            "tags": run.data.tags,
            "metrics": {name: sorted([plain(m.value), m.step, m.timestamp] for m in client.get_metric_history(id, name)) if name == "many"
                else [[plain(m.value), m.step, m.timestamp] for m in sorted(client.get_metric_history(id, name), key=lambda m: m.step)] for name in names},
            "datasets": [{**dict(d.dataset), "tags": {t.key: t.value for t in d.tags}} for d in run.inputs.dataset_inputs],
            "artifacts": {path: base64.b64encode(open(mlflow.artifacts.download_artifacts(run_id=id, artifact_path=path), "rb").read()).decode() for path in files(client, id, None)},
        })
    return found
for line in sys.stdin:
    print(json.dumps(answer(*json.loads(line))), file=answers, flush=True)
`

async function received(experiment: string): Promise<Received[]> {
  return JSON.parse(await reader.ask(JSON.stringify([server.url, experiment]))) as Received[]
}

function plain(value: number): number | string {
  return Number.isNaN(value) ? 'nan' : value
}

function checkReceived(got: Received | undefined, { record, folder, recordBytes }: StoredRun): void {
  const git = record.captures['git']
  const commit = git?.status === 'captured' ? git.value['commit'] : undefined
  expect(got?.info).toEqual({
    status: 'FINISHED',
    start: Date.parse(record.startedAt),
    end: Date.parse(record.finishedAt ?? ''),
    name: record.id,
  })
  const digest = (record.datasets['data'] as unknown as { digest: string }).digest
  const weights = (record.models['net'] as unknown as { weights: string }).weights
  expect(got?.tags).toMatchObject({
    'mlflow.source.git.commit': commit,
    'mlflow.source.git.branch': 'trunk',
    'mlflow.source.git.repoURL': 'https://git.example/repo.git',
    'mlflow.source.git.dirty': 'true',
    'mlflow.source.type': 'LOCAL',
    'mlflow.note.content': 'two\nlines',
    'lineaprint.run': record.id,
    'lineaprint.seal': record.seal,
    'lineaprint.exitCode': '0',
    'lineaprint.tags': '["research","mlflow.user","a=b"]',
    'lineaprint.datasets.data': digest,
    'lineaprint.models.net.weights': weights,
    research: 'true',
  })
  // A label of the user must not become a word of MLflow.
  expect(got?.tags['mlflow.user']).not.toBe('true')
  expect(Object.keys(got?.tags ?? {}).filter((name) => name.startsWith('a_b_'))).toHaveLength(1)
  const { long, ...params } = got?.params ?? {}
  expect(long).toBe('x'.repeat(6000))
  expect(params).toMatchObject({ lr: '0.1', 'nested.layers': '[1,2]', 'nested.name': 'ü', empty: '{}' })
  expect(Object.entries(params).filter(([, value]) => value === 'other')).toHaveLength(1)
  expect(got?.metrics['loss']).toEqual(
    KEPT.map((loss, step) => [plain(loss), step * 10, 1_700_000_000_000 + step]),
  )
  expect(got?.metrics['many']?.map(([value, step]) => [value, step])).toEqual(
    Array.from({ length: 2500 }, (_, count) => [count, count]),
  )
  const odd = Object.entries(got?.metrics ?? {}).find(([name]) => name.startsWith('odd_name_'))?.[1]
  expect(odd?.map(([value]) => value)).toEqual([0, 1, 2, 3, 4, 5])
  const data = got?.datasets.find(({ name }) => name === 'data')
  expect(data).toMatchObject({
    digest: digest.split(':')[1]?.slice(0, DIGEST_LIMIT),
    source_type: 'local',
    source: JSON.stringify({ uri: join(record.command.workingDirectory, 'data.csv') }),
    tags: { 'lineaprint.digest': digest, 'mlflow.data.context': 'input' },
  })
  expect(got?.datasets.find(({ name }) => name === 'in memory')).toMatchObject({ source_type: 'code' })
  const artifact = (name: string): Buffer => Buffer.from(got?.artifacts[`lineaprint/${name}`] ?? '', 'base64')
  expect(artifact('run.json')).toEqual(Buffer.from(recordBytes))
  expect(artifact('git/diff.patch')).toEqual(readFileSync(join(folder, 'git/diff.patch')))
  expect(artifact('metrics.svg').toString()).toContain('<svg')
  expect(JSON.stringify({ ...got, artifacts: {} })).not.toContain('hunter2')
}

test.skipIf(!hasPeer('mlflow'))(
  'a finished run arrives whole, and once, however often it is sent',
  { timeout: TIMEOUT },
  async () => {
    const run = await makeRun(repository())
    const target = { trackingUri: `${server.url}/`, timeoutMs: TIMEOUT }
    const first = await exportToMlflow(run, target)
    expect(first).toMatchObject({ trackingUri: server.url, values: 2512 })
    expect(first.warnings).toEqual([expect.stringMatching(/6000 characters of the parameter long/)])
    const again = await exportToMlflow(run, target)
    expect(again).toEqual(first)
    const [got, ...more] = await received('server test')
    expect(more).toEqual([])
    checkReceived(got, run)
  },
)

test.skipIf(!hasPeer('mlflow'))('a live run arrives as whole', { timeout: TIMEOUT }, async () => {
  const experiment = 'live test'
  const run = await makeRun(repository(), { saveToMlflow: { experiment, timeoutMs: TIMEOUT } })
  expect(run.record.warnings).toEqual([expect.stringMatching(/6000 characters/)])
  const [got, ...more] = await received(experiment)
  expect(more).toEqual([])
  checkReceived(got, run)
})

test.skipIf(!hasPeer('mlflow')).each([
  ['failed', 'FAILED'],
  ['killed', 'KILLED'],
  ['finished', 'FINISHED'],
] as const)('a %s run is %s', { timeout: TIMEOUT }, async (status, expected) => {
  const root = folderOf()
  const options = {
    outputDir: root,
    experimentName: `ends ${status}`,
    ...NO_CAPTURES,
    saveToMlflow: { timeoutMs: TIMEOUT },
  }
  const tracker = new ExperimentTracker(options, {
    directory: root,
    environment: { MLFLOW_TRACKING_URI: server.url },
  })
  await tracker.startExperiment()
  expect((await tracker.finishExperiment(status)).warnings).toEqual([])
  expect(await received(`ends ${status}`)).toEqual([
    expect.objectContaining({ info: expect.objectContaining({ status: expected }) as object }),
  ])
})

test.skipIf(!hasPeer('mlflow'))(
  'more parameters, tags and bytes than one request takes',
  { timeout: TIMEOUT },
  async () => {
    const metadata = Object.fromEntries(
      Array.from({ length: 350 }, (_, index) => [`p${index}`, `${index}`.padEnd(5000, 'ü')]),
    )
    const tags = Array.from({ length: 230 }, (_, index) => `tag ${index}`)
    const run = await finished(folderOf(), { experimentName: 'limits', metadata, tags })
    const report = await exportToMlflow(run, { trackingUri: server.url, timeoutMs: TIMEOUT })
    expect(report.warnings).toEqual([])
    const [got] = await received('limits')
    expect(got?.params).toEqual(metadata)
    expect(Object.keys(got?.tags ?? {})).toEqual(expect.arrayContaining(tags))
  },
)
