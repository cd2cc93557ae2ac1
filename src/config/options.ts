/** The options of an experiment: what they are, their defaults, and how four sources become one. */
import { resolve } from 'node:path'
import { z } from 'zod/mini'
import { LineaprintError } from '../core/errors.ts'
import { checkRunId } from '../core/run-id.ts'
import { checkComponents, componentSchemas, describeComponents, mergeComponents } from './groups.ts'
import { refuse } from './errors.ts'
import { checkOutputs, describeOutputs, outputSchemas } from './outputs.ts'
import { plainName, plainObject, plainText } from '../json/copy.ts'
import { systemMetricsOf, systemMetricsSchema } from './system-metrics.ts'
import type { Component } from '../core/component.ts'
import type { AlgorithmChoice } from '../core/digest.ts'
import type { JsonObject } from '../core/json-value.ts'
import type { MlflowOptions, WandbOptions, OutputOptions } from './outputs.ts'
import type { ComponentConfiguration, ComponentOptions } from './groups.ts'
import type { SystemMetricsConfiguration, SystemMetricsOptions } from './system-metrics.ts'

/** What a caller or a configuration file may say. Everything has a default. */
export interface ExperimentOptions extends ComponentOptions, OutputOptions {
  /** Name of the experiment; runs may share it. @default 'experiment' */
  readonly experimentName?: string | undefined
  /** Id of this one run. @default made of the time and random characters */
  readonly experimentId?: string | undefined
  /** Folder that holds the store `.lineaprint`. @default the working directory */
  readonly outputDir?: string | undefined
  /** Whether datasets are digested; where not, `trackDataset` only notes the name. @default true */
  readonly enableDatasetTracking?: boolean | undefined
  /** Whether models and tokenizers are digested. @default true */
  readonly enableModelTracking?: boolean | undefined
  /** Whether the environment is captured at the start. @default true */
  readonly enableEnvironmentTracking?: boolean | undefined
  /** Whether seeds are captured at the start and when they are set. @default true */
  readonly enableSeedTracking?: boolean | undefined
  /** Whether the state of the git work tree is captured at the start. @default true */
  readonly enableGitTracking?: boolean | undefined
  /** Hash function of the digests. @default 'blake3' */
  readonly algorithm?: AlgorithmChoice | undefined
  /** Also write `<name>_latest.json` into the store and `experiment.json` into the run. @default false */
  readonly saveToJson?: boolean | undefined
  /** The same in YAML that every reader understands. @default false */
  readonly saveToYaml?: boolean | undefined
  /** @default [] */
  readonly tags?: readonly string[] | undefined
  /** @default '' */
  readonly notes?: string | undefined
  /** Anything with a JSON form. @default {} */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
  /** Log processor, memory and graphics processors as metrics below `system/` while the run goes on. @default false */
  readonly systemMetrics?: boolean | SystemMetricsOptions | undefined
  /** Own captures beside the built-in ones; made at the start of the run. @default [] */
  readonly trackers?: readonly Component[] | undefined
}

/** Options with every default filled in; frozen. */
export interface Configuration extends ComponentConfiguration {
  readonly experimentName: string
  readonly experimentId: string | undefined
  /** Absolute. */
  readonly outputDir: string
  readonly enableDatasetTracking: boolean
  readonly enableModelTracking: boolean
  readonly enableEnvironmentTracking: boolean
  readonly enableSeedTracking: boolean
  readonly enableGitTracking: boolean
  readonly algorithm: AlgorithmChoice
  readonly saveToJson: boolean
  readonly saveToYaml: boolean
  readonly saveToWandb: boolean | WandbOptions
  readonly saveToMlflow: boolean | MlflowOptions
  readonly tags: readonly string[]
  readonly notes: string
  readonly metadata: JsonObject
  readonly systemMetrics: SystemMetricsConfiguration
  readonly trackers: readonly Component[]
}

/** One place that options come from. */
export interface OptionSource {
  /** A file, a variable or `the options of ExperimentTracker`, for errors. */
  readonly label: string
  readonly options: Readonly<Record<string, unknown>>
  /** What a relative `outputDir` is relative to. */
  readonly folder: string
}

const flag = z.boolean()
const component = z.custom<Component>(isComponent, 'an object with a name, capture() and compare()')

const SCHEMA = z.partial(
  z.strictObject({
    experimentName: z.string(),
    experimentId: z.string(),
    outputDir: z.string().check(z.minLength(1)),
    enableDatasetTracking: flag,
    enableModelTracking: flag,
    enableEnvironmentTracking: flag,
    enableSeedTracking: flag,
    enableGitTracking: flag,
    algorithm: z.enum(['blake3', 'sha256', 'both']),
    saveToJson: flag,
    saveToYaml: flag,
    ...outputSchemas,
    tags: z.array(z.string()),
    notes: z.string(),
    metadata: z.custom<object>(
      (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
      'an object',
    ),
    systemMetrics: systemMetricsSchema,
    trackers: z.array(component),
    ...componentSchemas,
  }),
)

/** The names of all options. */
export const OPTION_NAMES: readonly (keyof ExperimentOptions)[] = Object.keys(
  SCHEMA.shape,
) as (keyof ExperimentOptions)[]

/** Folders of a run and fields of a record that an own tracker must not take. */
const RESERVED_COMPONENTS: ReadonlySet<string> = new Set(['environment', 'git', 'seeds', 'models'])

function isComponent(value: unknown): value is Component {
  if (typeof value !== 'object' || value === null) return false
  const { name, capture, compare } = value as Partial<Component>
  return typeof name === 'string' && typeof capture === 'function' && typeof compare === 'function'
}

/**
 * Checks what one source says.
 *
 * @returns Its options, those that are `undefined` left out.
 * @throws ERR_LINEAPRINT_CONFIGURATION naming source, key, expected and received.
 */
export function checkOptions({ label, options, folder }: OptionSource): ExperimentOptions {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  const checked = SCHEMA.safeParse(given)
  if (!checked.success) throw refuse(label, given, checked.error.issues[0], OPTION_NAMES)
  try {
    return checkMeaning(given, folder)
  } catch (cause) {
    if (!LineaprintError.is(cause) || cause.code !== 'ERR_LINEAPRINT_ARGUMENT') throw cause
    const { field, expected, received } = cause
    throw new LineaprintError('ERR_LINEAPRINT_CONFIGURATION', `the option ${field} is not usable`, {
      path: label,
      field,
      expected,
      received,
      cause,
    })
  }
}

function checkMeaning(options: ExperimentOptions, folder: string): ExperimentOptions {
  const { experimentName, experimentId, outputDir, tags, notes, metadata, trackers } = options
  if (experimentName !== undefined) plainName(experimentName, 'experimentName')
  if (experimentId !== undefined) checkRunId(experimentId)
  tags?.forEach((tag, index) => plainText(tag, `tags[${index}]`))
  if (notes !== undefined) plainText(notes, 'notes', { empty: true })
  checkTrackers(trackers ?? [])
  checkComponents(options)
  return {
    ...options,
    ...(outputDir !== undefined && { outputDir: resolve(folder, outputDir) }),
    ...(metadata !== undefined && { metadata: plainObject(metadata, 'metadata') }),
    ...checkOutputs(options, folder),
  }
}

function checkTrackers(trackers: readonly Component[]): void {
  const seen = new Set(RESERVED_COMPONENTS)
  for (const { name } of trackers) {
    const wellFormed = /^[a-z][a-z0-9_-]{0,63}$/.test(name)
    if (!wellFormed || seen.has(name)) {
      throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'this cannot be the name of a tracker', {
        field: 'trackers',
        expected: wellFormed
          ? 'a name that is not taken'
          : 'a name of a-z, 0-9, "_" and "-" that starts with a letter',
        received: JSON.stringify(name),
      })
    }
    seen.add(name)
  }
}

/**
 * Makes one configuration of several sources; of two that name the same option the later wins, as a whole. The options
 * of components win key by key.
 *
 * @param sources Checked options, weakest first.
 * @param directory The working directory, absolute.
 */
export function mergeOptions(sources: readonly ExperimentOptions[], directory: string): Configuration {
  const options: ExperimentOptions = Object.assign({}, ...sources)
  return Object.freeze({
    experimentName: options.experimentName ?? 'experiment',
    experimentId: options.experimentId,
    outputDir: options.outputDir ?? directory,
    enableDatasetTracking: options.enableDatasetTracking ?? true,
    enableModelTracking: options.enableModelTracking ?? true,
    enableEnvironmentTracking: options.enableEnvironmentTracking ?? true,
    enableSeedTracking: options.enableSeedTracking ?? true,
    enableGitTracking: options.enableGitTracking ?? true,
    algorithm: options.algorithm ?? 'blake3',
    saveToJson: options.saveToJson ?? false,
    saveToYaml: options.saveToYaml ?? false,
    saveToWandb: freezeDeep(options.saveToWandb ?? false),
    saveToMlflow: freezeDeep(options.saveToMlflow ?? false),
    tags: Object.freeze([...new Set(options.tags)]),
    notes: options.notes ?? '',
    metadata: freezeDeep((options.metadata ?? {}) as JsonObject),
    systemMetrics: systemMetricsOf(options.systemMetrics),
    trackers: Object.freeze([...(options.trackers ?? [])]),
    ...mergeComponents(sources),
  })
}

function freezeDeep<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  for (const member of Object.values(value)) freezeDeep(member)
  return Object.freeze(value)
}

/** A configuration as the record holds it: trackers by their names. */
export function describeConfiguration(configuration: Configuration): JsonObject {
  const { trackers, experimentId, environment, git, seeds, datasets, models, ...others } = configuration
  const { saveToWandb, saveToMlflow, ...rest } = others
  const components = describeComponents({ environment, git, seeds, datasets, models })
  const names = trackers.map(({ name }) => name)
  const outputs = describeOutputs({ saveToWandb, saveToMlflow })
  return { ...rest, experimentId: experimentId ?? null, trackers: names, ...components, ...outputs }
}
