/** Options of the single components: one object each, checked, and merged key by key. */
import { z } from 'zod/mini'
import { judgeName } from '../secrets/names.ts'
import { LineaprintError } from '../core/errors.ts'
import { checkSample } from '../hash/sample/options.ts'
import type { JsonObject, JsonValue } from '../core/json-value.ts'
import type { SampleOptions } from '../hash/sample/options.ts'

/** Options of the environment capture. */
export interface EnvironmentComponentOptions {
  /** Names of more environment variables that count, beside those of the built-in list. @default [] */
  readonly variables?: readonly string[] | undefined
  /** Whether installed packages are listed; lock files are read anyway. @default true */
  readonly packages?: boolean | undefined
  /** Milliseconds for each source; a later one is recorded as absent. @default 5000 */
  readonly timeoutMs?: number | undefined
}

/** Options of the git capture. */
export interface GitComponentOptions {
  /** Bytes of all copied untracked files together; 0 copies none. @default 100 MiB */
  readonly untrackedLimit?: number | undefined
  /** Bytes over which one untracked file is not copied. @default 10 MiB */
  readonly untrackedFileLimit?: number | undefined
  /** Bytes over which a patch is given up, and a changed file is left out of it. @default 256 MiB */
  readonly patchLimit?: number | undefined
  /** Whether commits that no remote has are kept as a bundle, as they are. @default false */
  readonly bundle?: boolean | undefined
}

/** Options of seeds. */
export interface SeedsComponentOptions {
  /** Whether `setSeeds` and `lineaprint run --seed` also ask GPU libraries for deterministic results. @default false */
  readonly deterministic?: boolean | undefined
  /** Whether they also replace `Math.random` by a generator with the seed, here and in Node programs. @default false */
  readonly replaceMathRandom?: boolean | undefined
}

/** Options of datasets and outputs. */
export interface DatasetsComponentOptions {
  /** Read only a part of each dataset; its digest then says so. Outputs are read whole. @default everything is read */
  readonly sample?: SampleOptions | undefined
  /** Whether a file of Parquet, Arrow or CSV also gets the digest of the table in it, by a second read. @default true */
  readonly tables?: boolean | undefined
}

/** Options of models. */
export interface ModelsComponentOptions {
  /** Read only a part of each tensor; the digests then say so. @default everything is read */
  readonly sample?: SampleOptions | undefined
  /** Whether the digest of each tensor is kept, so that a later check can name the one that changed. @default true */
  readonly tensors?: boolean | undefined
}

/** The options of all components. */
export interface ComponentOptions {
  readonly environment?: EnvironmentComponentOptions | undefined
  readonly git?: GitComponentOptions | undefined
  readonly seeds?: SeedsComponentOptions | undefined
  readonly datasets?: DatasetsComponentOptions | undefined
  readonly models?: ModelsComponentOptions | undefined
}

/** The same with every default filled in. */
export interface ComponentConfiguration {
  readonly environment: Readonly<Required<Complete<EnvironmentComponentOptions>>>
  readonly git: Readonly<Required<Complete<GitComponentOptions>>>
  readonly seeds: Readonly<Required<Complete<SeedsComponentOptions>>>
  readonly datasets: DatasetsComponentOptions & { readonly tables: boolean }
  readonly models: ModelsComponentOptions & { readonly tensors: boolean }
}

type Complete<T> = { readonly [K in keyof T]-?: Exclude<T[K], undefined> }

const MEBI = 1 << 20

const DEFAULTS: ComponentConfiguration = {
  environment: { variables: [], packages: true, timeoutMs: 5000 },
  git: { untrackedLimit: 100 * MEBI, untrackedFileLimit: 10 * MEBI, patchLimit: 256 * MEBI, bundle: false },
  seeds: { deterministic: false, replaceMathRandom: false },
  datasets: { tables: true },
  models: { tensors: true },
}

/** Names of the components that have options. */
export const COMPONENT_NAMES: readonly (keyof ComponentOptions)[] = Object.keys(
  DEFAULTS,
) as (keyof ComponentOptions)[]

const flag = z.optional(z.boolean())
const size = z.optional(z.int().check(z.minimum(0)))
/** Checked by {@link checkComponents}, with the messages that every sample has. */
const sample = z.custom<SampleOptions>((value) => typeof value === 'object' && value !== null, 'an object')
const variable = z.string().check(z.regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'the name of a variable'))

/** The form of the options. */
export const componentSchemas: { readonly [K in keyof ComponentOptions]-?: z.ZodMiniObject } = {
  environment: z.strictObject({
    variables: z.optional(z.array(variable)),
    packages: flag,
    timeoutMs: z.optional(z.int().check(z.minimum(1), z.maximum(3_600_000))),
  }),
  git: z.strictObject({
    untrackedLimit: size,
    untrackedFileLimit: size,
    patchLimit: size,
    bundle: flag,
  }),
  seeds: z.strictObject({ deterministic: flag, replaceMathRandom: flag }),
  datasets: z.strictObject({ sample: z.optional(sample), tables: flag }),
  models: z.strictObject({ sample: z.optional(sample), tensors: flag }),
}

/** The names of the options of a component, for the one that is near to a slip. */
export function componentKeys(name: keyof ComponentOptions): readonly string[] {
  return Object.keys(componentSchemas[name].shape)
}

/**
 * Checks what a form cannot say.
 *
 * @throws ERR_LINEAPRINT_ARGUMENT naming the field.
 */
export function checkComponents({ environment, datasets, models }: ComponentOptions): void {
  for (const name of environment?.variables ?? []) {
    if (judgeName(name) !== 'secret') continue
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'a variable of this name holds a secret', {
      field: 'environment.variables',
      expected: 'names of variables that anybody may read in a record',
      received: JSON.stringify(name),
    })
  }
  for (const [name, options] of [
    ['datasets', datasets],
    ['models', models],
  ] as const) {
    try {
      checkSample(options?.sample)
    } catch (cause) {
      if (!LineaprintError.is(cause)) throw cause
      const { field, expected, received, hint } = cause
      const details = { field: `${name}.${field}`, expected, received, hint, cause }
      throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'the sample is not as it should be', details)
    }
  }
}

/** Makes one of several sources, weakest first; of two that name the same key of a component the later wins. */
export function mergeComponents(sources: readonly ComponentOptions[]): ComponentConfiguration {
  const merged = COMPONENT_NAMES.map((name) => {
    const given = sources.flatMap((source) => Object.entries(source[name] ?? {}))
    const options: Record<string, unknown> = { ...DEFAULTS[name] }
    for (const [key, value] of given) if (value !== undefined) options[key] = value
    return [name, freezeAll(structuredClone(options))]
  })
  return Object.fromEntries(merged)
}

function freezeAll<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  for (const member of Object.values(value)) freezeAll(member)
  return Object.freeze(value)
}

/** The options of the components as a record holds them. A seed of a sample can be longer than JSON's numbers. */
export function describeComponents(configuration: ComponentConfiguration): JsonObject {
  const copy = (value: unknown): JsonValue => {
    if (typeof value === 'bigint') return String(value)
    if (Array.isArray(value)) return value.map(copy)
    if (typeof value !== 'object' || value === null) return value as JsonValue
    const members = Object.entries(value).filter(([, member]) => member !== undefined)
    return Object.fromEntries(members.map(([key, member]) => [key, copy(member)]))
  }
  return Object.fromEntries(COMPONENT_NAMES.map((name) => [name, copy(configuration[name])]))
}

/**
 * The options of the captures that decide what they look at, from a record. One that says something impossible, or
 * was written before there were such options, has the defaults.
 */
export function recordedComponents(configuration: JsonObject): ComponentConfiguration {
  const read = COMPONENT_NAMES.flatMap((name): ComponentOptions[] => {
    const recorded = configuration[name]
    if (typeof recorded !== 'object' || recorded === null) return []
    // Key by key: a later version may have written more of them.
    const known = Object.entries(componentSchemas[name].shape).flatMap(([key, schema]) => {
      const { data } = z.safeParse(schema, (recorded as JsonObject)[key])
      return data === undefined ? [] : [[key, data] as const]
    })
    const options = { [name]: Object.fromEntries(known) }
    try {
      // A record from elsewhere must not make this process show what the configuration would not let it look at.
      checkComponents(options)
      return [options]
    } catch (error) {
      if (LineaprintError.is(error)) return []
      throw error
    }
  })
  return mergeComponents(read)
}
