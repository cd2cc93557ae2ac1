/**
 * The written types of options and the schemas of the table are held against each other by the compiler, in both
 * directions: the type of an entry follows from its schema alone, and an entry fits its written type only exactly.
 * Where one of these lines compiled, `tsc` would fail with an unused `@ts-expect-error`.
 */
import { expect, expectTypeOf, test } from 'vitest'
import { converted, group, option, optional, switchable, switchableGroup } from '../../src/config/option.ts'
import { CONFIGURATION, OPTIONS } from '../../src/config/table.ts'
import { intervalVariable } from '../../src/config/variables.ts'
import type { Configuration, ExperimentOptions } from '../../src/config/options.ts'
import type {
  DatasetTrackingOptions,
  EnvironmentOptions,
  Given,
  GitOptions,
  ModelTrackingOptions,
  OptionGroups,
  SeedsOptions,
} from '../../src/config/groups.ts'
import type { Option } from '../../src/config/option.ts'
import type { MlflowOptions, WandbOptions } from '../../src/config/outputs.ts'
import type { SystemMetricsOptions } from '../../src/config/system-metrics.ts'
import type { AlgorithmChoice } from '../../src/core/digest.ts'

const flag = option({ schema: (zod) => zod.boolean(), default: false })
const text = optional({ schema: (zod) => zod.string(), toRecord: (value) => value })

test('the type of an entry is that of its schema', () => {
  const algorithm = option({ schema: (zod) => zod.enum(['blake3', 'sha256', 'both']), default: 'blake3' })
  expectTypeOf(algorithm).toEqualTypeOf<Option<AlgorithmChoice>>()
  expectTypeOf(flag).toEqualTypeOf<Option<boolean>>()
  expectTypeOf(text).toEqualTypeOf<Option<string, string | undefined>>()
  expect(algorithm.default).toBe('blake3')
})

test('a schema that accepts less or more than the written type does not fit it', () => {
  // @ts-expect-error: the schema lacks a word of the type
  const less: Option<AlgorithmChoice> = option({
    schema: (zod) => zod.enum(['blake3', 'sha256']),
    default: 'blake3',
  })
  // @ts-expect-error: the schema has a word that the type lacks
  const more: Option<AlgorithmChoice> = option({
    schema: (zod) => zod.enum(['blake3', 'sha256', 'both', 'md5']),
    default: 'blake3',
  })
  // @ts-expect-error: items of the schema are of one type more
  const items: Option<readonly string[], readonly string[]> = converted({
    schema: (zod) => zod.readonly(zod.array(zod.custom<string | number>(() => true))),
    default: [],
    resolve: () => [],
    toRecord: () => [],
  })
  expect([less, more, items].every(({ default: value }) => value !== undefined)).toBe(true)
})

test('a group has the options of its written type, each of its type, and no other', () => {
  const seeds = { deterministic: flag, replaceMathRandom: flag }
  expectTypeOf(group<SeedsOptions>(seeds)).toEqualTypeOf<Option<Given<SeedsOptions>, SeedsOptions>>()
  // @ts-expect-error: an option of the type has no entry
  group<SeedsOptions>({ deterministic: flag })
  // @ts-expect-error: an entry is no option of the type
  group<SeedsOptions>({ deterministic: flag, replaceMathRandom: flag, other: flag })
  // @ts-expect-error: an entry is of another type
  group<SeedsOptions>({ deterministic: flag, replaceMathRandom: text })
  // @ts-expect-error: an entry may be absent, and the type says that it is there
  group<{ readonly name: string }>({ name: text })
  // @ts-expect-error: a member has no entry, though it is optional
  switchable<WandbOptions>({ directory: text, project: text })
  // @ts-expect-error: an entry is no member of the type
  switchable<WandbOptions>({ directory: text, project: text, entity: text, other: text })
  // @ts-expect-error: an entry is of another type
  switchableGroup<SystemMetricsOptions>({ intervalSeconds: flag }, intervalVariable, '')
  expect(Object.keys(group<SeedsOptions>(seeds).members)).toEqual(Object.keys(seeds))
})

test('the entries of the table are those of the written types', () => {
  expectTypeOf<keyof typeof OPTIONS>().toEqualTypeOf<keyof Configuration>()
  expectTypeOf<keyof typeof OPTIONS>().toEqualTypeOf<keyof ExperimentOptions>()
  expectTypeOf(CONFIGURATION).toEqualTypeOf<Option<ExperimentOptions, Configuration>>()
  expectTypeOf(OPTIONS.environment).toEqualTypeOf<Option<Given<EnvironmentOptions>, EnvironmentOptions>>()
  expectTypeOf(OPTIONS.git).toEqualTypeOf<Option<Given<GitOptions>, GitOptions>>()
  expectTypeOf(OPTIONS.seeds).toEqualTypeOf<Option<Given<SeedsOptions>, SeedsOptions>>()
  expectTypeOf(OPTIONS.datasets).toEqualTypeOf<
    Option<Given<DatasetTrackingOptions>, DatasetTrackingOptions>
  >()
  expectTypeOf(OPTIONS.models).toEqualTypeOf<Option<Given<ModelTrackingOptions>, ModelTrackingOptions>>()
  expectTypeOf(OPTIONS.saveToWandb).toEqualTypeOf<Option<boolean | WandbOptions>>()
  expectTypeOf(OPTIONS.saveToMlflow).toEqualTypeOf<Option<boolean | MlflowOptions>>()
  expectTypeOf(OPTIONS.systemMetrics).toEqualTypeOf<
    Option<boolean | Given<SystemMetricsOptions>, false | SystemMetricsOptions>
  >()
  expectTypeOf<Pick<Configuration, keyof OptionGroups>>().toEqualTypeOf<OptionGroups>()
  expect(Object.keys(CONFIGURATION.members)).toEqual(Object.keys(OPTIONS))
})
