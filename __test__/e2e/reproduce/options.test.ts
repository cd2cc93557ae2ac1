/** Which options the new run has: those of the record, checked, minus a written list. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import {
  OPTION_NAMES,
  checkOptions,
  describeConfiguration,
  mergeOptions,
} from '../../../src/config/options.ts'
import { NOT_CARRIED_OVER, newRunOptions } from '../../../src/reproduce/options.ts'
import { TreeMap } from '../../../src/reproduce/paths.ts'
import { findRun } from '../../../src/database/runs.ts'
import { readRun } from '../../../src/store/runs.ts'
import { storeIn } from '../../../src/store/store.ts'
import { listAt, objectAt, temporaryFolder } from '../../capture/fixture.ts'
import { paint } from '../../support/folder.ts'
import { lineaprint } from '../../support/program.ts'
import { floats, safetensors } from '../../support/safetensors.ts'
import { COPY, FAST, again, recorded, repositoryOf, verdicts } from './support.ts'
import type { ExperimentOptions } from '../../../src/config/options.ts'
import type { JsonObject } from '../../../src/core/json-value.ts'
import type { Reproduction } from '../../../src/reproduce/reproduce.ts'
import type { StoredRun } from '../../../src/store/runs.ts'

/** The options that a run with this record is reproduced with. */
function optionsOf(configuration: JsonObject): ExperimentOptions {
  const record = { configuration, command: { workingDirectory: '/old' } }
  const map = new TreeMap('/old', '/old', '', '/new')
  return newRunOptions({ record } as unknown as StoredRun, map, '/new')
}

function captureOf({ record }: StoredRun, name: string): JsonObject {
  const capture = record.captures[name]
  if (capture?.status !== 'captured') throw new Error(`${name} was not captured`)
  return capture.value
}

function newRun({ run }: Reproduction): Promise<StoredRun> {
  return readRun(run?.folder ?? '')
}

test('every option carries over, or the list says why not', () => {
  expect(Object.keys(NOT_CARRIED_OVER).toSorted()).toEqual([...OPTION_NAMES].toSorted())
  const given: ExperimentOptions = {
    experimentName: 'other',
    runName: 'the first',
    continues: 'the one before',
    experimentId: 'one-run',
    outputDir: '/old/runs',
    enableDatasetTracking: false,
    enableModelTracking: false,
    enableEnvironmentTracking: false,
    enableSeedTracking: false,
    enableGitTracking: false,
    algorithm: 'both',
    redact: false,
    storeAccess: 'group',
    saveToJson: true,
    saveToYaml: true,
    saveToWandb: true,
    saveToMlflow: { trackingUri: 'https://mlflow.example' },
    server: 'https://runs.example',
    serverProject: 'vision',
    serverTimeoutMs: 5,
    tags: ['a'],
    notes: 'n',
    metadata: { a: 1 },
    systemMetrics: { intervalSeconds: 2 },
    trackers: [],
    environment: { variables: ['MODE'], packages: false, timeoutMs: 100 },
    git: { untrackedLimit: 1, untrackedFileLimit: 2, patchLimit: 3, bundle: true },
    seeds: { deterministic: true, replaceMathRandom: true },
    datasets: {
      sample: { strategy: 'random', count: 10, seed: 2n ** 60n },
      tables: false,
      statistics: false,
      leaks: true,
      files: false,
    },
    models: { sample: { share: '1/1000' }, tensors: false, keep: true, description: true },
    reported: { metrics: true, parameters: false },
    keep: { outputs: true, inputs: 5, code: true, freeSpace: 0 },
    metricFiles: ['m.json'],
    autoOutputs: true,
  }
  const checked = checkOptions({ label: 'test', options: { ...given }, folder: '/' })
  const made = optionsOf(describeConfiguration(mergeOptions([checked], '/old')))
  const {
    experimentId,
    runName,
    continues,
    redact,
    storeAccess,
    trackers,
    metricFiles,
    autoOutputs,
    keep,
    ...others
  } = given
  const {
    saveToJson,
    saveToYaml,
    saveToWandb,
    saveToMlflow,
    server,
    serverProject,
    serverTimeoutMs,
    ...carried
  } = others
  expect(made).toEqual({ ...carried, outputDir: '/new/runs' })
  const outputs = {
    saveToJson,
    saveToYaml,
    saveToWandb,
    saveToMlflow,
    server,
    serverProject,
    serverTimeoutMs,
  }
  const files = { metricFiles, autoOutputs, keep }
  const left = {
    experimentId,
    runName,
    continues,
    redact,
    storeAccess,
    ...outputs,
    ...files,
    trackers,
    outputDir: '',
  }
  const named = OPTION_NAMES.filter((name) => NOT_CARRIED_OVER[name] !== null)
  expect(named.toSorted()).toEqual(Object.keys(left).toSorted())
})

test('of a hostile record what is not usable has its default', () => {
  expect(
    optionsOf({
      algorithm: 'md5',
      outputDir: '/elsewhere',
      enableGitTracking: 'no',
      environment: { variables: ['AWS_SECRET_ACCESS_KEY'], packages: false },
      git: { patchLimit: 'all' },
      datasets: { sample: { count: -1 }, tables: false },
      systemMetrics: 'often',
      unknown: true,
    }),
  ).toEqual({
    outputDir: '/new',
    environment: { packages: false },
    git: {},
    datasets: { tables: false },
    reported: OFF,
  })
})

/** In place of an option that a record lacks: its run recorded nothing that programs report. */
const OFF = { metrics: false, parameters: false }

test('what programs report is recorded again if the run has it; an older one has no such option', () => {
  const { reported: _, ...older } = describeConfiguration(mergeOptions([], '/old'))
  expect(optionsOf(older).reported).toEqual(OFF)
  expect(optionsOf({ ...older, reported: {} }).reported).toEqual({})
})

test('what was sampled, limited and looked at is so again', { timeout: 120_000 }, async () => {
  const root = repositoryOf({ '.gitignore': '*.bin\n*.csv\n*.safetensors\nout.txt\n', 'in.txt': 'x' })
  writeFileSync(join(root, 'big.bin'), paint(100 * 16_384))
  writeFileSync(join(root, 'table.csv'), 'a,b\n1,2\n')
  const weights = floats(Array.from({ length: 1000 }, (_, index) => index))
  writeFileSync(join(root, 'm.safetensors'), safetensors({ weights }))
  writeFileSync(join(root, 'untracked.txt'), 'more than ten bytes')
  const inputs = ['--dataset', 'big=big.bin', '--dataset', 'table=table.csv', '--model', 'm=m.safetensors']
  const options = {
    LINEAPRINT_ALGORITHM: 'sha256',
    LINEAPRINT_DATASETS: '{"sample":{"count":10,"above":50},"tables":false}',
    LINEAPRINT_MODELS: '{"sample":{"share":"1/100","above":10},"tensors":false}',
    LINEAPRINT_GIT: '{"untrackedLimit":0,"untrackedFileLimit":10,"patchLimit":1000,"bundle":true}',
    LINEAPRINT_SEEDS: '{"deterministic":true}',
    LINEAPRINT_SYSTEM_METRICS: '0.2',
    LINEAPRINT_TAGS: 'sampled',
    LINEAPRINT_ENABLE_ENVIRONMENT_TRACKING: 'true',
    LINEAPRINT_ENVIRONMENT: '{"variables":["LEARNING_MODE"],"packages":false,"timeoutMs":9000}',
  }
  vi.stubEnv('LEARNING_MODE', 'fast')
  onTestFinished(() => void vi.unstubAllEnvs())
  const source = `${COPY}; setTimeout(() => {}, 600)`
  const run = await recorded(root, source, ['--output', 'o=out.txt', ...inputs], options)
  // An untracked file that was not kept is not brought back, and the command does not need it.
  const answer = await again(run)
  expect(verdicts(answer)).toContain('datasets big same')
  const made = await newRun(answer)

  const [was, is] = [run, made].map(({ record }) => {
    const { experimentId: _, outputDir: __, ...configuration } = record.configuration
    return configuration
  })
  expect(is).toEqual(was)
  expect(is).toMatchObject({
    algorithm: 'sha256',
    tags: ['sampled'],
    seeds: { deterministic: true, replaceMathRandom: false },
    systemMetrics: { intervalSeconds: 0.2 },
    git: { untrackedLimit: 0, untrackedFileLimit: 10, patchLimit: 1000, bundle: true },
    environment: { variables: ['LEARNING_MODE'], packages: false, timeoutMs: 9000 },
  })
  for (const { record } of [run, made]) {
    expect(record.datasets['big']).toMatchObject({
      digest: expect.stringMatching(/^sampled\(file,strided,count=10,.*\.sha256:/) as string,
      sample: { units: 100, read: 10 },
    })
    expect(record.datasets['table']).not.toHaveProperty('table')
    expect(record.models['m']).toMatchObject({
      weights: expect.stringMatching(/^sampled\(weights,strided,share=1\/100,above=10/) as string,
    })
    expect(record.models['m']).not.toHaveProperty('tensorsFile')
    expect(Object.keys(record.metrics).some((name) => name.startsWith('system/'))).toBe(true)
  }
  for (const name of ['big', 'table']) {
    const digest = run.record.datasets[name] as JsonObject
    expect(made.record.datasets[name], name).toMatchObject({ digest: digest['digest'] })
  }
  const model = run.record.models['m'] as JsonObject
  expect(made.record.models['m']).toMatchObject({ weights: model['weights'] })
  for (const one of [run, made]) {
    const variables = objectAt(captureOf(one, 'environment'), 'variables')
    expect(objectAt(variables, 'hashed')).toMatchObject({ LEARNING_MODE: 'fast' })
  }
  expect(listAt(captureOf(run, 'git'), 'untracked')).toMatchObject([{ path: 'untracked.txt', kept: false }])
})

test('what the record does not ask for is not taken from variables and files of today', async () => {
  const root = repositoryOf({
    '.gitignore': '*.bin\nout.txt\n',
    'in.txt': 'x',
    'lineaprint.config.json': '{"notes":"of the file"}',
  })
  writeFileSync(join(root, 'big.bin'), paint(100 * 16_384))
  const run = await recorded(root, COPY, ['--output', 'o=out.txt', '--dataset', 'd=big.bin'], {
    LINEAPRINT_NOTES: 'of the variable',
  })
  expect(run.record.datasets['d']).toMatchObject({ digest: expect.stringMatching(/^blake3:/) as string })
  vi.stubEnv('LINEAPRINT_DATASETS', '{"sample":{"count":10}}')
  vi.stubEnv('LINEAPRINT_ALGORITHM', 'sha256')
  vi.stubEnv('LINEAPRINT_EXPERIMENT_ID', 'taken')
  vi.stubEnv('LINEAPRINT_SAVE_TO_JSON', 'true')
  onTestFinished(() => void vi.unstubAllEnvs())
  const { record } = await newRun(await again(run))
  expect(record.datasets['d']).toMatchObject({ digest: (run.record.datasets['d'] as JsonObject)['digest'] })
  expect(record).toMatchObject({ notes: 'of the variable', configuration: { saveToJson: false } })
  expect(record.id).not.toBe('taken')
})

test('the whole command: a dataset that was sampled is sampled again', { timeout: 60_000 }, async () => {
  const root = repositoryOf({ '.gitignore': '*.bin\nout.txt\n', 'in.txt': 'x' })
  writeFileSync(join(root, 'big.bin'), paint(100 * 16_384))
  const run = await recorded(root, COPY, ['--dataset', 'd=big.bin', '--output', 'o=out.txt'], {
    LINEAPRINT_DATASETS: '{"sample":{"count":10}}',
  })
  const into = join(temporaryFolder('into'), 'tree')
  const done = await lineaprint(['reproduce', run.id, '--into', into], { cwd: root, env: FAST })
  expect(done.code, done.stderr).toBe(0)
  expect(done.stdout).toContain('same\tdatasets\td\t')
  const made = await findRun(storeIn(into), '@latest')
  const [before, after] = [run, made].map(({ record }) => record.datasets['d'] as JsonObject)
  expect(before?.['digest']).toMatch(/^sampled\(file,strided,count=10,unit=bytes\/16384\)\.v1\.blake3:/)
  expect(after?.['digest']).toBe(before?.['digest'])
  expect(after?.['sample']).toEqual(before?.['sample'])
})
