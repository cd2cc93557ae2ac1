import { join } from 'node:path'
import { expect, test } from 'vitest'
import { resolveConfiguration } from '../../src/config/sources.ts'
import { variableName } from '../../src/config/variables.ts'
import { OPTION_NAMES, checkOptions, describeConfiguration, mergeOptions } from '../../src/config/options.ts'
import { ExperimentTracker } from '../../src/tracking/tracker.ts'
import { folderOf } from '../support/folder.ts'
import type { Component } from '../../src/core/component.ts'
import type { Configuration, ExperimentOptions } from '../../src/config/options.ts'

function resolveIn(
  files: Readonly<Record<string, string>>,
  environment: Readonly<Record<string, string>> = {},
  options: ExperimentOptions = {},
): Promise<Configuration> {
  return resolveConfiguration(options, { directory: folderOf(files), environment })
}

const tracker: Component = {
  name: 'own',
  capture: () => Promise.reject(new Error('not in this test')),
  compare: () => ({ status: 'same', differences: [] }),
}

test('the defaults', () => {
  expect(mergeOptions([], '/somewhere')).toEqual({
    experimentName: 'experiment',
    experimentId: undefined,
    outputDir: '/somewhere',
    enableDatasetTracking: true,
    enableModelTracking: true,
    enableEnvironmentTracking: true,
    enableSeedTracking: true,
    enableGitTracking: true,
    algorithm: 'blake3',
    redact: true,
    storeAccess: 'owner',
    saveToJson: false,
    saveToYaml: false,
    saveToWandb: false,
    saveToMlflow: false,
    server: undefined,
    serverProject: undefined,
    serverTimeoutMs: 30_000,
    tags: [],
    notes: '',
    metadata: {},
    metricFiles: [],
    autoOutputs: false,
    systemMetrics: false,
    trackers: [],
    environment: { variables: [], packages: true, timeoutMs: 5000 },
    git: { untrackedLimit: 100 << 20, untrackedFileLimit: 10 << 20, patchLimit: 256 << 20, bundle: false },
    seeds: { deterministic: false, replaceMathRandom: false },
    datasets: { tables: true, statistics: true, leaks: false, files: true },
    models: { tensors: true, keep: false, description: false },
    keep: { outputs: false, inputs: 0, code: false, freeSpace: 2 ** 30 },
    reported: { metrics: true, parameters: true },
  })
})

test('the last source wins, option by option', async () => {
  const files = { 'lineaprint.config.json': '{"experimentName":"file","notes":"file","algorithm":"sha256"}' }
  const environment = { LINEAPRINT_EXPERIMENT_NAME: 'variable', LINEAPRINT_NOTES: 'variable' }
  const configuration = await resolveIn(files, environment, { notes: 'caller', experimentName: undefined })
  expect(configuration).toMatchObject({ experimentName: 'variable', notes: 'caller', algorithm: 'sha256' })
})

test.each([
  ['lineaprint.config.json', '{"experimentName":"x","tags":["a","b"]}'],
  ['lineaprint.config.yaml', 'experimentName: x\ntags: [a, b]\n'],
  ['lineaprint.config.js', 'export default { experimentName: "x", tags: ["a", "b"] }'],
  ['lineaprint.config.mjs', 'export default { experimentName: "x", tags: ["a", "b"] }'],
  [
    'lineaprint.config.ts',
    'const options: object = { experimentName: "x", tags: ["a", "b"] }\nexport default options',
  ],
  ['package.json', '{"name":"p","lineaprint":{"experimentName":"x","tags":["a","b"]}}'],
])('%s is read', async (name, content) => {
  expect(await resolveIn({ [name]: content })).toMatchObject({ experimentName: 'x', tags: ['a', 'b'] })
})

test('a package.json that does not mention lineaprint is nothing to us, even a broken one', async () => {
  expect(await resolveIn({ 'package.json': '{"name":' })).toMatchObject({ experimentName: 'experiment' })
})

test('a byte order mark is dropped, and UTF-16 is named', async () => {
  for (const [name, text] of [
    ['lineaprint.config.json', '{"notes":"marked"}'],
    ['lineaprint.config.yaml', 'notes: marked\n'],
    ['package.json', '{"lineaprint":{"notes":"marked"}}'],
  ] as const) {
    expect(await resolveIn({ [name]: `\ufeff${text}` })).toMatchObject({ notes: 'marked' })
    if (name === 'package.json') continue
    const wide = resolveConfiguration(
      {},
      { directory: folderOf({ [name]: Buffer.from(`\ufeff${text}`, 'utf16le') }), environment: {} },
    )
    await expect(wide).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_CONFIGURATION' })
    await expect(wide).rejects.toThrow(/UTF-16/)
  }
})

test('two files are ambiguous', async () => {
  const files = { 'lineaprint.config.json': '{}', 'package.json': '{"lineaprint":{}}' }
  await expect(resolveIn(files)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_AMBIGUOUS' })
})

test('a file can be named, and must then be there', async () => {
  const root = folderOf({
    'other.json': '{"notes":"other"}',
    'lineaprint.config.json': '{"notes":"usual"}',
    'x.toml': '',
  })
  const named = (file: string): Promise<Configuration> =>
    resolveConfiguration({}, { directory: root, file, environment: {} })
  expect((await named('other.json')).notes).toBe('other')
  for (const file of ['nothing.json', 'nothing.mjs', 'x.toml', '.']) {
    await expect(named(file), file).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_CONFIGURATION' })
  }
})

test('relative folders are relative to where they stand', async () => {
  const root = folderOf({ 'sub/lineaprint.config.json': '{"outputDir":"runs"}' })
  const fromFile = await resolveConfiguration(
    {},
    { directory: root, file: 'sub/lineaprint.config.json', environment: {} },
  )
  expect(fromFile.outputDir).toBe(join(root, 'sub', 'runs'))
  const fromCaller = await resolveConfiguration({ outputDir: 'runs' }, { directory: root, environment: {} })
  expect(fromCaller.outputDir).toBe(join(root, 'runs'))
})

test('variables say everything but functions', async () => {
  const configuration = await resolveIn(
    {},
    {
      LINEAPRINT_SAVE_TO_JSON: 'yes',
      LINEAPRINT_ENABLE_GIT_TRACKING: '0',
      LINEAPRINT_TAGS: 'a, b,,c',
      LINEAPRINT_METADATA: '{"a":[1,NaN]}',
      LINEAPRINT_RUN_ID: 'some-run',
      LINEAPRINT_SEED: '42',
      LINEAPRINT_SOMETHING_ELSE_ALTOGETHER: 'x',
    },
  )
  expect(configuration).toMatchObject({
    saveToJson: true,
    enableGitTracking: false,
    tags: ['a', 'b', 'c'],
    metadata: { a: [1, { __float__: 'NaN' }] },
  })
  expect(variableName('enableGitTracking')).toBe('LINEAPRINT_ENABLE_GIT_TRACKING')
})

const ends = (name: string): string =>
  expect.stringMatching(new RegExp(`${name.replaceAll('.', '\\.')}$`)) as string
const holds = (text: string): string => expect.stringContaining(text) as string

test.each<[Record<string, string>, Record<string, string>, ExperimentOptions, object]>([
  [
    { 'lineaprint.config.json': '{"experimentname":"x"}' },
    {},
    {},
    { path: ends('config.json'), field: 'experimentname', hint: holds('experimentName') },
  ],
  [
    { 'lineaprint.config.json': '{"zzz":1}' },
    {},
    {},
    { field: 'zzz', hint: holds('experimentName, runName') },
  ],
  [
    { 'lineaprint.config.json': '{"tags":"a"}' },
    {},
    {},
    { field: 'tags', expected: 'array', received: '"a"' },
  ],
  [
    { 'lineaprint.config.json': '{"tags":[1]}' },
    {},
    {},
    { field: 'tags.0', expected: 'string', received: '1' },
  ],
  [
    { 'lineaprint.config.json': '{"notes":"a","notes":"b"}' },
    {},
    {},
    { path: ends('config.json'), message: holds('"notes" appears twice') },
  ],
  [
    { 'lineaprint.config.json': '[]' },
    {},
    {},
    { path: ends('config.json'), expected: 'an object', received: 'an array' },
  ],
  [{ 'lineaprint.config.yaml': 'notes: [' }, {}, {}, { path: ends('config.yaml') }],
  [
    { 'lineaprint.config.mjs': 'export const x = 1' },
    {},
    {},
    { path: ends('config.mjs'), expected: holds('default export'), received: 'nothing' },
  ],
  [
    { 'lineaprint.config.mjs': 'throw new Error("own mistake")' },
    {},
    {},
    { path: ends('config.mjs'), message: holds('own mistake') },
  ],
  [
    { 'package.json': '{"lineaprint":{"algorithm":"md5"}}' },
    {},
    {},
    {
      path: ends('package.json#lineaprint'),
      field: 'algorithm',
      expected: 'blake3, sha256, both',
      received: '"md5"',
    },
  ],
  [
    {},
    { LINEAPRINT_ALGORITM: 'both' },
    {},
    { message: holds('LINEAPRINT_ALGORITM;'), hint: holds('LINEAPRINT_ALGORITHM') },
  ],
  [
    {},
    { LINEAPRINT_SAVE_TO_JSON: 'maybe' },
    {},
    { path: 'LINEAPRINT_SAVE_TO_JSON', field: 'saveToJson', expected: 'boolean', received: '"maybe"' },
  ],
  [{}, { LINEAPRINT_METADATA: '{' }, {}, { path: 'LINEAPRINT_METADATA' }],
  [{}, {}, { experimentId: '../x' }, { field: 'experimentId' }],
  [{}, {}, { experimentName: '' }, { field: 'experimentName' }],
  [{}, {}, { notes: '\ud800' }, { field: 'notes' }],
  [
    {},
    {},
    { metadata: { f: () => 1 } },
    { field: 'metadata.f', expected: holds('JSON'), received: 'function' },
  ],
  [{}, {}, { metadata: { big: 1n } }, { field: 'metadata.big', received: 'bigint' }],
  [{}, {}, { trackers: [{ ...tracker, name: 'git' }] }, { expected: holds('not in use'), received: '"git"' }],
  [{}, {}, { trackers: [tracker, tracker] }, { received: '"own"' }],
  [
    {},
    {},
    { trackers: [{ ...tracker, name: '../x' }] },
    { expected: holds('starts with a letter'), received: '"../x"' },
  ],
])('case %#: the error names source, option, expected and received', async (...row) => {
  const [files, environment, options, fields] = row
  await expect(resolveIn(files, environment, options)).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_CONFIGURATION',
    ...fields,
  })
})

test('outputs are switched on alone or with options of their own', async () => {
  const trackingUri = 'https://user:password@mlflow.example/base?x=1'
  const configuration = await resolveIn(
    {},
    { LINEAPRINT_SAVE_TO_MLFLOW: JSON.stringify({ trackingUri }), LINEAPRINT_SAVE_TO_WANDB: 'yes' },
    { saveToWandb: { directory: 'offline', project: 'p' } },
  )
  expect(configuration.saveToMlflow).toEqual({ trackingUri })
  expect(configuration.saveToWandb).toMatchObject({
    directory: expect.stringMatching(/^[/\\].*offline$|^[A-Z]:/) as string,
    project: 'p',
  })
  // What a record holds has no password in it.
  expect(describeConfiguration(configuration)['saveToMlflow']).toEqual({
    trackingUri: 'https://mlflow.example/base',
  })
})

test.each([
  [
    { saveToMlflow: 'yes' },
    { field: 'saveToMlflow', expected: 'true, false or an object', received: '"yes"' },
  ],
  [{ saveToMlflow: { trackingURI: 'x' } }, { field: 'saveToMlflow.trackingURI', expected: 'trackingUri' }],
  [{ saveToMlflow: { timeoutMs: 0 } }, { field: 'saveToMlflow.timeoutMs', received: 'number' }],
  [{ saveToWandb: { entity: '' } }, { field: 'saveToWandb.entity', received: 'string' }],
  [{ saveToWandb: [] }, { field: 'saveToWandb', received: 'an array' }],
])('an output that cannot be is refused: %j', (options, fields) => {
  expect(() => checkOptions({ label: 'test', options, folder: '/' })).toThrow(
    expect.objectContaining({ code: 'ERR_LINEAPRINT_CONFIGURATION', ...fields }),
  )
})

test('the result is frozen, and later changes of what was given do not show', async () => {
  const metadata = { deep: { value: 1 } }
  const configuration = await resolveIn({}, {}, { metadata, trackers: [tracker] })
  metadata.deep.value = 2
  expect(configuration.metadata).toEqual({ deep: { value: 1 } })
  const parts = [
    configuration,
    configuration.metadata,
    configuration.metadata['deep'],
    configuration.tags,
    configuration.trackers,
  ]
  for (const part of parts) expect(Object.isFrozen(part)).toBe(true)
})

test('a constructor refuses at once what it cannot use', () => {
  expect(() => new ExperimentTracker({ experimentNmae: 'x' } as ExperimentOptions)).toThrow(
    /did you mean experimentName\?/,
  )
})

test('metadata may have any keys', () => {
  const metadata = JSON.parse('{"__proto__":{"polluted":true},"constructor":1}') as Record<string, unknown>
  const options = checkOptions({ label: 'test', options: { metadata }, folder: '/' })
  expect(JSON.stringify(mergeOptions([options], '/').metadata)).toBe(
    '{"__proto__":{"polluted":true},"constructor":1}',
  )
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
})

test('every option has a variable and a default', () => {
  const configuration = mergeOptions([], '/')
  for (const name of OPTION_NAMES) expect(Object.hasOwn(configuration, name), name).toBe(true)
})
