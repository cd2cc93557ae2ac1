/** What is derived from the table holds for every option in it, so also for one that is added. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import {
  OPTION_NAMES,
  checkOptions,
  describeConfiguration,
  isCaptureEnabled,
  mergeOptions,
  recordedConfiguration,
  recordedOptions,
} from '../../src/config/options.ts'
import { resolveConfiguration } from '../../src/config/sources.ts'
import { CONFIGURATION, OPTIONS } from '../../src/config/table.ts'
import { variableName } from '../../src/config/variables.ts'
import { folderOf } from '../support/folder.ts'
import type { AnyOption } from '../../src/config/option.ts'
import type { Configuration, ExperimentOptions } from '../../src/config/options.ts'
import type { JsonObject } from '../../src/core/json-value.ts'

/** Every option at another value than its default. */
const OTHERS: Required<Omit<ExperimentOptions, 'trackers'>> = {
  experimentName: 'other',
  runName: 'attempt 3',
  continues: 'attempt 2',
  experimentId: 'one-run',
  outputDir: '/elsewhere',
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
  saveToWandb: { directory: '/offline', project: 'p', entity: 'e' },
  saveToMlflow: { trackingUri: 'https://mlflow.example/base', experiment: 'x', timeoutMs: 7 },
  server: 'https://runs.example/base',
  serverProject: 'vision',
  serverTimeoutMs: 9,
  tags: ['a', 'b'],
  notes: 'n',
  metadata: { deep: [{ value: 1.5 }] },
  metricFiles: ['/m.jsonl', '/other/m.csv'],
  autoOutputs: true,
  systemMetrics: { intervalSeconds: 2.5 },
  environment: { variables: ['MODE'], packages: false, timeoutMs: 100 },
  git: { untrackedLimit: 1, untrackedFileLimit: 2, patchLimit: 3, bundle: true },
  seeds: { deterministic: true, replaceMathRandom: true },
  datasets: {
    sample: { strategy: 'random', count: 10, seed: 2n ** 60n, above: 3 },
    tables: false,
    statistics: false,
    leaks: true,
    files: false,
  },
  models: { sample: { share: '1/1000' }, tensors: false },
  keep: { outputs: true, inputs: 1000, code: true, freeSpace: 0 },
  reported: { metrics: false, parameters: false },
}

const configuration = mergeOptions([checkOptions({ label: 'test', options: OTHERS, folder: '/' })], '/work')

/** The options that a record with these values gives back. */
function recorded(values: JsonObject): ExperimentOptions {
  return recordedOptions({ configuration: values, command: { workingDirectory: '/work' } })
}

/** Every option with its whole name: groups by what is in them, and those that are on, off or an object by both. */
function allOptions(): (readonly [name: string, option: AnyOption])[] {
  const below = (option: AnyOption, prefix: string): (readonly [string, AnyOption])[] =>
    Object.entries(option.members).flatMap(([name, member]) => {
      const inner = below(member, `${prefix}${name}.`)
      const isGroup = inner.length > 0 && typeof member.default === 'object'
      return isGroup ? inner : [[prefix + name, member] as const, ...inner]
    })
  return below(CONFIGURATION, '')
}

test('a record gives every option back as it was', () => {
  for (const name of Object.keys(OTHERS) as (keyof typeof OTHERS)[])
    expect(configuration[name], name).not.toEqual(OPTIONS[name].default)
  const text = JSON.stringify(describeConfiguration(configuration))
  const run = { configuration: JSON.parse(text) as JsonObject, command: { workingDirectory: '/work' } }
  expect(recordedConfiguration(run)).toEqual(configuration)
  const defaults = mergeOptions([], '/work')
  const plain = { ...run, configuration: describeConfiguration(defaults) }
  expect(recordedConfiguration(plain)).toEqual(defaults)
})

test('a seed of a sample beyond a double comes back with every digit', () => {
  const sample = (seed: string | number): JsonObject => ({
    datasets: { sample: { strategy: 'random', count: 5, seed } },
  })
  expect(recorded(sample('18446744073709551615')).datasets?.sample?.seed).toBe(2n ** 64n - 1n)
  expect(recorded(sample(7)).datasets?.sample?.seed).toBe(7)
  for (const seed of ['18446744073709551616', '-1', '', '1e3', ' 1'])
    expect(recorded(sample(seed)).datasets, seed).toEqual({})
})

test.each<[JsonObject, ExperimentOptions]>([
  [{ algorithm: 'md5', notes: 'kept' }, { notes: 'kept' }],
  [{ algorithm: ['blake3'] }, {}],
  [{ enableGitTracking: 'no', enableSeedTracking: false }, { enableSeedTracking: false }],
  [{ experimentName: '__proto__' }, {}],
  [{ experimentId: '../../x' }, {}],
  [{ outputDir: '' }, {}],
  [{ tags: ['a', 1] }, {}],
  [{ metadata: [] }, {}],
  [{ unknown: 1, later: { option: true } }, {}],
  [{ trackers: ['own'] }, {}],
  [{ environment: { variables: ['API_TOKEN'], packages: false } }, { environment: { packages: false } }],
  [{ environment: { variables: ['MODE', 'MY_PASSWORD'] } }, { environment: {} }],
  [{ environment: { timeoutMs: 1e9, variables: ['MODE'] } }, { environment: { variables: ['MODE'] } }],
  [{ environment: [], git: 7, seeds: null, models: 'x' }, {}],
  [{ git: { patchLimit: -1, untrackedLimit: 5, bundle: 1 } }, { git: { untrackedLimit: 5 } }],
  [{ git: JSON.parse('{"__proto__":{"bundle":true}}') as JsonObject }, { git: {} }],
  [{ datasets: { sample: { count: 0 }, tables: false } }, { datasets: { tables: false } }],
  [{ models: { sample: { count: 1, other: 1 } } }, { models: {} }],
  [{ models: { sample: 'all' } }, { models: {} }],
  [{ systemMetrics: { intervalSeconds: 0 } }, { systemMetrics: {} }],
  [{ systemMetrics: 10 }, {}],
  [{ server: 'https://me:pw@runs.example', serverTimeoutMs: 0 }, {}],
  [{ saveToMlflow: { timeoutMs: 0, experiment: 'x' } }, { saveToMlflow: { experiment: 'x' } }],
])('of a hostile record %j only what is usable is taken', (values, options) => {
  expect(recorded(values)).toEqual(options)
})

test('the defaults are values that the options themselves accept', () => {
  const usual = mergeOptions([], '/work')
  const given = checkOptions({ label: 'test', options: { ...usual }, folder: '/' })
  expect(mergeOptions([given], '/work')).toEqual(usual)
})

test('every option but code can stand in a variable', async () => {
  const values: Partial<Record<keyof ExperimentOptions, string>> = {
    ...Object.fromEntries(
      OPTION_NAMES.filter((name) => name.startsWith('enable')).map((name) => [name, 'off']),
    ),
    experimentName: 'other',
    runName: 'attempt 3',
    continues: 'attempt 2',
    experimentId: 'one-run',
    outputDir: '/elsewhere',
    algorithm: 'both',
    redact: 'no',
    storeAccess: 'group',
    saveToJson: 'yes',
    saveToYaml: '1',
    server: 'https://runs.example/base',
    serverProject: 'vision',
    tags: 'a, b',
    notes: 'n',
    metricFiles: '/m.jsonl, /other/m.csv',
    systemMetrics: '2.5',
  }
  const json = (name: keyof typeof OTHERS): string =>
    // A number of JSON cannot hold a seed of 64 bits.
    JSON.stringify(name === 'datasets' ? { ...OTHERS.datasets, sample: { count: 10 } } : OTHERS[name])
  const names = OPTION_NAMES.filter((name) => name !== 'trackers')
  const environment = Object.fromEntries(
    names.map((name) => [variableName(name), values[name] ?? json(name)]),
  )
  const found = await resolveConfiguration({}, { directory: folderOf({}), environment })
  const datasets = { ...configuration.datasets, sample: { count: 10 } }
  expect(found).toEqual({ ...configuration, datasets })
  expect(OPTION_NAMES.filter((name) => OPTIONS[name].variable === null)).toEqual(['trackers'])
})

test('an empty variable names no server, also where a file names one', async () => {
  const directory = folderOf({ 'lineaprint.config.json': '{"server":"https://runs.example"}' })
  const serverOf = async (environment: Record<string, string>): Promise<string | undefined> =>
    (await resolveConfiguration({}, { directory, environment })).server
  expect(await serverOf({})).toBe('https://runs.example')
  expect(await serverOf({ LINEAPRINT_SERVER: '' })).toBeUndefined()
})

test('an option that sources do not decide is left to the caller', async () => {
  const directory = folderOf({
    'lineaprint.config.json': '{"notes":"file","tags":["file"],"git":{"bundle":true}}',
  })
  const environment = { LINEAPRINT_ALGORITHM: 'both', LINEAPRINT_GIT: '{"patchLimit":1}' }
  const found = await resolveConfiguration(
    { experimentName: 'caller' },
    { directory, environment, optionsFromSources: ['tags'] },
  )
  const expected: Configuration = {
    ...mergeOptions([], directory),
    experimentName: 'caller',
    tags: ['file'],
  }
  expect(found).toEqual(expected)
})

test('each built-in capture has the option that switches it off, and an own one has none', () => {
  for (const [capture, name] of Object.entries({
    environment: 'enableEnvironmentTracking',
    git: 'enableGitTracking',
    seeds: 'enableSeedTracking',
  })) {
    expect(isCaptureEnabled(mergeOptions([], '/'), capture)).toBe(true)
    expect(isCaptureEnabled(mergeOptions([{ [name]: false }], '/'), capture)).toBe(false)
  }
  expect(isCaptureEnabled(configuration, 'own')).toBe(true)
})

/** Defaults that depend on the run, or that only who uses the option knows. */
const WORDS: Readonly<Record<string, string>> = {
  experimentId: 'from the time and random bits',
  outputDir: 'the working directory',
  'saveToWandb.directory': '`wandb` in the store',
  'saveToWandb.project': 'the name of the experiment',
  'saveToWandb.entity': 'that of the account that syncs',
  'saveToMlflow.trackingUri': 'the variable `MLFLOW_TRACKING_URI`',
  'saveToMlflow.experiment': 'the name of the experiment',
  'saveToMlflow.timeoutMs': '30000',
  serverProject: 'the first of the token',
}

/** A default as the document writes it. */
function written(name: string, value: unknown): string {
  const words = WORDS[name]
  if (words !== undefined) return words
  if (typeof value === 'number') return value >= 1 << 20 ? `${value / (1 << 20)} MiB` : String(value)
  if (typeof value === 'boolean' || (typeof value === 'string' && value !== '')) return `\`${String(value)}\``
  const isEmpty = value === undefined || value === '' || Object.keys(value as object).length === 0
  return isEmpty ? 'none' : JSON.stringify(value)
}

test('the document has every option with its default, and no other', () => {
  const document = readFileSync('docs/configuration.md', 'utf8')
  const rows = [...document.matchAll(/^\| (`[^|]*`) +\| ([^|]*?) +\|/gm)].flatMap(
    ([, names = '', value = '']) =>
      [...names.matchAll(/`([\w.]+)`/g)].map(([, name = '']) => [name, value] as const),
  )
  const options = allOptions().map(([name, option]) => [name, written(name, option.default)] as const)
  expect(Object.fromEntries(rows)).toEqual(Object.fromEntries(options))
  expect(rows).toHaveLength(options.length)
})
