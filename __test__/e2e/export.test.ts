import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { finished, started } from '../tracking/support.ts'
import { serve } from '../export/mlflow/bad-servers.ts'
import { folderOf } from '../support/folder.ts'
import { lineaprint } from '../support/program.ts'
import type { StoredRun } from '../../src/store/runs.ts'
import type { Outcome } from '../support/program.ts'
import { parseGitCapture } from '../../src/capture/git/parse.ts'
import type { JsonObject } from '../../src/core/json-value.ts'

async function storeOf(): Promise<{
  root: string
  run: StoredRun
  cli: (...args: string[]) => Promise<Outcome>
}> {
  const root = folderOf()
  const run = await finished(root, { experimentName: 'e', metadata: { lr: NaN } }, (tracker) =>
    tracker.logMetric('a', NaN, { step: 3 }),
  )
  const env = { MLFLOW_TRACKING_URI: '', MLFLOW_TRACKING_TOKEN: '' }
  return { root, run, cli: (...args) => lineaprint(['export', ...args], { cwd: root, env }) }
}

test('JSON and YAML go to stdout or into a file', async () => {
  const { root, run, cli } = await storeOf()
  const json = await cli('@latest', '--format', 'json')
  expect(JSON.parse(json.stdout)).toEqual(run.record)
  const yaml = await cli('e', '--format', 'yaml', '--to', '-')
  expect(parse(yaml.stdout)).toMatchObject({ id: run.id, metadata: { lr: NaN } })
  const asJson = await cli('e', '--format', 'yaml', '--json')
  expect(JSON.parse(asJson.stdout)).toEqual({ run: run.id, format: 'yaml', text: yaml.stdout })
  writeFileSync(join(root, 'old.json'), 'old')
  symlinkSync('old.json', join(root, 'link.json'))
  const toFile = await cli(run.id, '--format', 'json', '--to', 'link.json', '--json')
  expect(JSON.parse(toFile.stdout)).toEqual({
    run: run.id,
    format: 'json',
    to: join(root, 'old.json'),
    warnings: [],
  })
  expect(JSON.parse(readFileSync(join(root, 'link.json'), 'utf8'))).toEqual(run.record)
  for (const outcome of [json, yaml, asJson, toFile]) expect(outcome).toMatchObject({ code: 0, stderr: '' })
})

test.each([
  ['slsa', { predicateType: 'https://slsa.dev/provenance/v1' }],
  ['cyclonedx', { bomFormat: 'CycloneDX' }],
])('%s goes to stdout or into a file, whole', async (format, expected) => {
  const { root, cli } = await storeOf()
  const { code, stdout, stderr } = await cli('e', '--format', format)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(JSON.parse(stdout)).toMatchObject(expected)
  await cli('e', '--format', format, '--to', 'file.json')
  expect(readFileSync(join(root, 'file.json'), 'utf8')).toBe(stdout)
})

test('a folder for W&B, with what to do next', async () => {
  const { root, run, cli } = await storeOf()
  const { code, stdout } = await cli('e', '--format', 'wandb', '--project', 'p')
  const folder = join(root, '.lineaprint/wandb', readdirSync(join(root, '.lineaprint/wandb'))[0] ?? '')
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: `${run.id} written to ${folder}\nto send it: wandb sync ${folder}\n`,
  })
  const again = await cli('e', '--format', 'wandb', '--to', 'elsewhere', '--json')
  expect(JSON.parse(again.stdout)).toMatchObject({
    format: 'wandb',
    values: 1,
    files: ['metrics.svg', 'run.json'],
  })
  expect(existsSync(join(root, 'elsewhere'))).toBe(true)
})

test('only files of the run are exported, not every path in its record', async () => {
  const { root, run, cli } = await storeOf()
  writeFileSync(join(root, 'secret'), 'hunter2')
  mkdirSync(join(run.folder, 'git'))
  symlinkSync(join(root, 'secret'), join(run.folder, 'git/link'))
  for (const [diff, staged] of [
    ['../../../../secret', 'link'],
    ['../../../..', 'nothing'],
  ]) {
    const patch = (file: string | undefined): JsonObject => ({
      status: 'written',
      file: file ?? '',
      size: 1,
      digests: {},
      redactedLines: 0,
    })
    const patches = { left: [], diff: patch(diff), staged: patch(staged) }
    const value = { available: true, commit: 'c', changed: [], untracked: [], submodules: [], patches }
    // Otherwise nothing would be handed over because nothing is read.
    expect(parseGitCapture(value)).toMatchObject({ patches })
    const git = { status: 'captured', digest: 'd', value, warnings: [] }
    writeFileSync(join(run.folder, 'run.json'), JSON.stringify({ ...run.record, captures: { git } }))
    const { code, stdout, stderr } = await cli('e', '--format', 'wandb', '--json')
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: expect.stringMatching(/^lineaprint: warning: the record does not match its seal: .*\n$/),
    })
    expect((JSON.parse(stdout) as { files: string[] }).files).toEqual(['metrics.svg', 'run.json'])
  }
})

test('a run without its journal is exported with the last value of each metric', async () => {
  const { run, cli } = await storeOf()
  rmSync(join(run.folder, 'events.jsonl'))
  const { code, stdout, stderr } = await cli('e', '--format', 'wandb', '--json')
  expect(code).toBe(0)
  expect(stderr).toMatch(/events\.jsonl is missing: only the last value/)
  expect(JSON.parse(stdout)).toMatchObject({ values: 1 })
})

test('a run that is still running can be exported', async () => {
  const root = folderOf()
  const tracker = await started(root)
  tracker.logMetric('a', 1)
  await tracker.flush()
  const { code, stderr } = await lineaprint(['export', '@latest', '--format', 'wandb'], { cwd: root })
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: expect.stringMatching(/the run is still running/) as string,
  })
  await tracker.finishExperiment()
})

test.skipIf(process.platform !== 'linux').each(['/proc/nothing/here', 'file/below'])(
  'a folder that cannot be created is an immediate error: %s',
  async (place) => {
    const { root, cli } = await storeOf()
    writeFileSync(join(root, 'file'), '')
    const { code, stdout, stderr } = await cli('e', '--format', 'wandb', '--to', place)
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' })
    expect(stderr).toMatch(/the folder cannot be created: /)
  },
)

test(
  'MLflow: the server, the experiment, and a failure of the server with exit code 3',
  { timeout: 60_000 },
  async () => {
    const { cli } = await storeOf()
    const { url, requests } = await serve((_, response) => response.writeHead(403).end('{"message":"no"}'))
    const { code, stdout, stderr } = await cli('e', '--format', 'mlflow', '--to', url, '--project', 'p q')
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' })
    expect(stderr).toMatch(/^lineaprint: http.* MLflow refused the request: no; .*\n$/)
    expect(requests).toEqual(['GET /api/2.0/mlflow/experiments/get-by-name?experiment_name=p+q'])
  },
)

test.each([
  [['e'], /required option/],
  [
    ['e', '--format', 'xml'],
    /the option --format has an invalid value \(expected json, yaml, slsa, cyclonedx, wandb, mlflow, received "xml"\)/,
  ],
  [['--format', 'json'], /missing required argument/],
  [['e', '--format', 'mlflow'], /no MLflow server is configured/],
  [['e', '--format', 'mlflow', '--to', 'mlruns'], /not the address of an MLflow server/],
  [['e', '--format', 'json', '--project', 'p'], /--project does not apply to json/],
  [
    ['e', '--format', 'mlflow', '--to', 'http://127.0.0.1:9', '--entity', 'p'],
    /--entity does not apply to mlflow/,
  ],
  [['e', '--format', 'json', '--to', '.'], /received a folder/],
  [['e', '--format', 'json', '--to', 'no/such/file'], /received no such folder/],
])('wrong use: %j', { timeout: 60_000 }, async (args, message) => {
  const { cli } = await storeOf()
  const { code, stdout, stderr } = await cli(...args)
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toMatch(message)
  expect(stderr.trim().split('\n')).toHaveLength(1)
})
