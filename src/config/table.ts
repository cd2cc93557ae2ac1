/**
 * Every option, defined once: its schema, its default, its form in an environment variable and in a record,
 * and further checks. Names, checks, variables, the resolved configuration, its recorded form and the options
 * restored from a record are derived from this table.
 *
 * This module loads neither the schema library nor the addon.
 */
import { resolve as resolvePath } from 'node:path'
import { LineaprintError } from '../core/errors.ts'
import { checkRunId } from '../core/run-id.ts'
import { checkSample } from '../hash/sample/options.ts'
import { checkName, copyAsJson, checkText } from '../json/copy.ts'
import { judgeName } from '../secrets/names.ts'
import { redactUrl } from '../secrets/redact.ts'
import { converted, freezeDeep, group, option, optional, switchable, switchableGroup } from './option.ts'
import { checkRunName } from './run-name.ts'
import { INTERVAL_BOUNDS } from './system-metrics.ts'
import { booleanVariable, groupVariable, intervalVariable, jsonVariable, listVariable } from './variables.ts'
import type { z } from 'zod/mini'
import type { Component } from '../core/component.ts'
import type { JsonObject, JsonValue } from '../core/json-value.ts'
import type { SampleOptions } from '../hash/sample/options.ts'
import type { Configuration, ExperimentOptions } from './experiment-options.ts'
import type {
  DatasetTrackingOptions,
  EnvironmentOptions,
  GitOptions,
  KeepOptions,
  ModelTrackingOptions,
  ReportedOptions,
  SeedsOptions,
} from './groups.ts'
import type { CheckContext, Members, Option, Zod } from './option.ts'
import type { MlflowOptions, WandbOptions } from './outputs.ts'
import type { SystemMetricsOptions } from './system-metrics.ts'

const MEBI = 1 << 20
const HOUR_MS = 3_600_000

/** Description of valid text values. */
const TEXT = 'a non-empty string'

/** Names of folders of a run and of fields of a record, which a custom tracker must not use. */
const RESERVED_NAMES: ReadonlySet<string> = new Set(['environment', 'git', 'seeds', 'models'])

/** Check the address of a server. A password in it would be in every message about it. */
function checkServer(given: string, { field }: CheckContext): string {
  // A variable that a build system sets to nothing names no server, and stands above one in a file.
  if (given === '') return given
  const url = URL.parse(given)
  if (url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '')
    return given
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `${field} is not an address of a server`, {
    field,
    expected: 'http://… or https://…, without user and password',
    received: url === null ? 'something else' : `${url.protocol}…`,
  })
}

/** Every option by its name. */
export const OPTIONS: Members<ExperimentOptions, Configuration> = {
  experimentName: option({
    schema: (zod) => zod.string(),
    default: 'experiment',
    check: (given, { field }) => checkName(given, field),
  }),
  runName: converted({
    schema: (zod) => zod.string(),
    default: undefined,
    check: (given, { field }) => checkRunName(given, field),
    resolve: (given) => given,
    toRecord: (name) => name ?? null,
  }),
  continues: converted({
    schema: (zod) => zod.string(),
    default: undefined,
    check: (given, { field }) => checkText(given, field),
    resolve: (given) => given,
    toRecord: (reference) => reference ?? null,
  }),
  experimentId: converted({
    schema: (zod) => zod.string(),
    default: undefined,
    check: checkRunId,
    resolve: (given) => given,
    toRecord: (id) => id ?? null,
  }),
  outputDir: converted({
    schema: (zod) => zod.string().check(zod.minLength(1)),
    default: '',
    check: (given, { folder }) => resolvePath(folder, given),
    resolve: (given, directory) => given ?? directory,
    toRecord: (path) => path,
  }),
  enableDatasetTracking: flag(true),
  enableModelTracking: flag(true),
  enableEnvironmentTracking: flag(true, 'environment'),
  enableSeedTracking: flag(true, 'seeds'),
  enableGitTracking: flag(true, 'git'),
  algorithm: option({ schema: (zod) => zod.enum(['blake3', 'sha256', 'both']), default: 'blake3' }),
  redact: flag(true),
  storeAccess: option({ schema: (zod) => zod.enum(['owner', 'group']), default: 'owner' }),
  saveToJson: flag(false),
  saveToYaml: flag(false),
  saveToWandb: switchable<WandbOptions>({
    directory: optional({
      schema: text,
      expected: TEXT,
      check: (given, { folder }) => resolvePath(folder, given),
      toRecord: (path) => path,
    }),
    project: optional({ schema: text, expected: TEXT, toRecord: (name) => name }),
    entity: optional({ schema: text, expected: TEXT, toRecord: (name) => name }),
  }),
  saveToMlflow: switchable<MlflowOptions>({
    trackingUri: optional({ schema: text, expected: TEXT, toRecord: redactUrl }),
    experiment: optional({ schema: text, expected: TEXT, toRecord: (name) => name }),
    timeoutMs: optional({
      schema: milliseconds,
      expected: `whole milliseconds from 1 to ${HOUR_MS}`,
      toRecord: (time) => time,
    }),
  }),
  server: converted({
    schema: (zod) => zod.string(),
    default: undefined,
    check: checkServer,
    resolve: (given) => given || undefined,
    toRecord: (url) => (url === undefined ? null : redactUrl(url)),
  }),
  serverProject: converted({
    schema: (zod) => zod.string(),
    default: undefined,
    check: (given, { field }) => checkText(given, field),
    resolve: (given) => given,
    toRecord: (name) => name ?? null,
  }),
  serverTimeoutMs: option({
    schema: milliseconds,
    default: 30_000,
    variable: jsonVariable,
    expected: `whole milliseconds from 1 to ${HOUR_MS}`,
  }),
  tags: converted({
    schema: (zod) => zod.readonly(zod.array(zod.string())),
    default: [],
    variable: listVariable,
    check: (given, { field }) => given.map((tag, index) => checkText(tag, `${field}[${index}]`)),
    resolve: (given) => Object.freeze([...new Set(given)]),
    toRecord: (tags) => tags,
  }),
  notes: option({
    schema: (zod) => zod.string(),
    default: '',
    check: (given, { field }) => checkText(given, field, { empty: true }),
  }),
  metadata: converted({
    schema: (zod) =>
      zod.custom<Readonly<Record<string, unknown>>>(
        (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
        'an object',
      ),
    default: {},
    variable: jsonVariable,
    check: (given, { field }) => copyAsJson(given, field),
    // The checked value is already a copy in JSON form.
    resolve: (given) => freezeDeep((given ?? {}) as JsonObject),
    toRecord: (metadata) => metadata,
  }),
  metricFiles: converted({
    schema: (zod) => zod.readonly(zod.array(zod.string().check(zod.minLength(1)))),
    default: [],
    variable: listVariable,
    check: (given, { folder }) => given.map((path) => resolvePath(folder, path)),
    resolve: (given = []) => Object.freeze([...new Set(given)]),
    toRecord: (paths) => paths,
  }),
  autoOutputs: flag(false),
  systemMetrics: switchableGroup<SystemMetricsOptions>(
    {
      intervalSeconds: option({
        schema: (zod) => zod.number().check(zod.minimum(INTERVAL_BOUNDS[0]), zod.maximum(INTERVAL_BOUNDS[1])),
        default: 10,
      }),
    },
    intervalVariable,
    `true, false or { intervalSeconds: ${INTERVAL_BOUNDS.join(' to ')} }`,
  ),
  trackers: converted({
    schema: (zod) =>
      zod.readonly(
        zod.array(zod.custom<Component>(isComponent, 'an object with a name, capture() and compare()')),
      ),
    default: [],
    // Functions cannot be given as text.
    variable: null,
    check: checkTrackers,
    resolve: (given = []) => Object.freeze([...given]),
    toRecord: (trackers) => trackers.map(({ name }) => name),
  }),
  environment: group<EnvironmentOptions>({
    variables: option({
      schema: (zod) =>
        zod.readonly(
          zod.array(zod.string().check(zod.regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'the name of a variable'))),
        ),
      default: [],
      check: refuseSecretNames,
    }),
    packages: flag(true),
    timeoutMs: option({ schema: milliseconds, default: 5000 }),
  }),
  git: group<GitOptions>({
    untrackedLimit: option({ schema: bytes, default: 100 * MEBI }),
    untrackedFileLimit: option({ schema: bytes, default: 10 * MEBI }),
    patchLimit: option({ schema: bytes, default: 256 * MEBI }),
    bundle: flag(false),
  }),
  seeds: group<SeedsOptions>({ deterministic: flag(false), replaceMathRandom: flag(false) }),
  datasets: group<DatasetTrackingOptions>({
    sample: sample(),
    tables: flag(true),
    statistics: flag(true),
    leaks: flag(false),
    files: flag(true),
  }),
  models: group<ModelTrackingOptions>({
    sample: sample(),
    tensors: flag(true),
    keep: flag(false),
    description: flag(false),
  }),
  keep: group<KeepOptions>({
    outputs: flag(false),
    inputs: option({ schema: bytes, default: 0 }),
    code: flag(false),
    freeSpace: option({ schema: bytes, default: 1024 * MEBI }),
  }),
  reported: {
    ...group<ReportedOptions>({ metrics: flag(true), parameters: flag(true) }),
    variable: groupVariable(['metrics', 'parameters']),
  },
}

/** The whole configuration, as one group. */
export const CONFIGURATION: Option<ExperimentOptions, Configuration> = group(OPTIONS)

/** Return an option that is on or off. @param switches The built-in capture that it enables. */
function flag(value: boolean, switches?: string): Option<boolean> {
  return option({
    schema: (zod) => zod.boolean(),
    default: value,
    variable: booleanVariable,
    ...(switches !== undefined && { switches }),
  })
}

function text(zod: Zod): z.ZodMiniString {
  return zod.string().check(zod.minLength(1))
}

function milliseconds(zod: Zod): z.ZodMiniNumberFormat {
  return zod.int().check(zod.minimum(1), zod.maximum(HOUR_MS))
}

function bytes(zod: Zod): z.ZodMiniNumberFormat {
  return zod.int().check(zod.minimum(0))
}

/** Return the option for sampling a dataset or model. A record holds a seed of 64 bits as text. */
function sample(): Option<SampleOptions, SampleOptions | undefined> {
  return optional({
    schema: (zod) =>
      zod.custom<SampleOptions>((value) => typeof value === 'object' && value !== null, 'an object'),
    check: checkSampleAt,
    toRecord: ({ seed, ...others }) =>
      defined({ ...others, seed: typeof seed === 'bigint' ? String(seed) : seed }),
    parse: (recorded) => {
      if (typeof recorded !== 'object' || recorded === null || !('seed' in recorded)) return recorded
      const { seed } = recorded
      return typeof seed === 'string' && /^\d{1,20}$/.test(seed)
        ? { ...recorded, seed: BigInt(seed) }
        : recorded
    },
  })
}

function defined(members: Readonly<Record<string, JsonValue | undefined>>): JsonObject {
  return Object.fromEntries(
    Object.entries(members).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  )
}

/** Check a sample; errors name the field below `sample`, which is replaced with the name of the option. */
function checkSampleAt(given: SampleOptions, { field: name }: CheckContext): SampleOptions {
  try {
    checkSample(given)
    return given
  } catch (cause) {
    if (!LineaprintError.is(cause)) throw cause
    const { field, expected, received, hint } = cause
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'the sample option is not valid', {
      field: field?.replace(/^sample/, name),
      expected,
      received,
      hint,
      cause,
    })
  }
}

function refuseSecretNames(names: readonly string[], { field }: CheckContext): readonly string[] {
  for (const name of names) {
    if (judgeName(name) !== 'secret') continue
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'a variable of this name holds a secret', {
      field,
      expected: 'names of variables without secrets',
      received: JSON.stringify(name),
    })
  }
  return names
}

function isComponent(value: unknown): value is Component {
  if (typeof value !== 'object' || value === null) return false
  const { name, capture, compare } = value as Partial<Component>
  return typeof name === 'string' && typeof capture === 'function' && typeof compare === 'function'
}

function checkTrackers(trackers: readonly Component[], { field }: CheckContext): readonly Component[] {
  const seen = new Set(RESERVED_NAMES)
  for (const { name } of trackers) {
    const wellFormed = /^[a-z][a-z0-9_-]{0,63}$/.test(name)
    if (!wellFormed || seen.has(name)) {
      throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'invalid tracker name', {
        field,
        expected: wellFormed
          ? 'a name that is not in use'
          : 'a name of a-z, 0-9, "_" and "-" that starts with a letter',
        received: JSON.stringify(name),
      })
    }
    seen.add(name)
  }
  return trackers
}
