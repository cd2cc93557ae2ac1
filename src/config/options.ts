/** Functions derived from the table: checks, merging of sources, and the recorded form. */
import { z } from 'zod/mini'
import { LineaprintError } from '../core/errors.ts'
import { lazily } from '../util/schema.ts'
import { refuse } from './errors.ts'
import { CONFIGURATION, OPTIONS } from './table.ts'
import type { JsonObject } from '../core/json-value.ts'
import type { Configuration, ExperimentOptions } from './experiment-options.ts'
import type { Zod } from './option.ts'

export type { Configuration, ExperimentOptions } from './experiment-options.ts'

/** One source of options. */
export interface OptionSource {
  /** Label for errors: a file, a variable or `the options of ExperimentTracker`. */
  readonly label: string
  readonly options: Readonly<Record<string, unknown>>
  /** Folder that relative paths are relative to. */
  readonly folder: string
}

/** The names of all options. */
export const OPTION_NAMES: readonly (keyof ExperimentOptions)[] = Object.keys(
  OPTIONS,
) as (keyof ExperimentOptions)[]

/**
 * The functions are named one by one, so that a bundle of the program contains only these and not the whole
 * library.
 */
const ZOD: Zod = {
  array: z.array,
  boolean: z.boolean,
  custom: z.custom,
  enum: z.enum,
  int: z.int,
  maximum: z.maximum,
  minLength: z.minLength,
  minimum: z.minimum,
  number: z.number,
  optional: z.optional,
  readonly: z.readonly,
  regex: z.regex,
  strictObject: z.strictObject,
  string: z.string,
}

const schema = lazily(() => CONFIGURATION.schema(ZOD))

/**
 * Check the options of one source.
 *
 * @returns The options, without those that are `undefined`.
 * @throws ERR_LINEAPRINT_CONFIGURATION naming source, key, expected and received.
 */
export function checkOptions({ label, options, folder }: OptionSource): ExperimentOptions {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  const checked = schema().safeParse(given)
  if (!checked.success) throw refuse(label, given, checked.error.issues[0])
  try {
    return CONFIGURATION.check(given, { zod: ZOD, field: '', folder })
  } catch (cause) {
    if (!LineaprintError.is(cause) || cause.code !== 'ERR_LINEAPRINT_ARGUMENT') throw cause
    const { field, expected, received } = cause
    throw new LineaprintError('ERR_LINEAPRINT_CONFIGURATION', `the option ${field} has an invalid value`, {
      path: label,
      field,
      expected,
      received,
      cause,
    })
  }
}

/**
 * Merge several sources into one configuration. If two sources set an option, the later value replaces the
 * earlier one as a whole; option groups are merged key by key.
 *
 * @param sources Checked options, weakest first.
 * @param directory The working directory, absolute.
 */
export function mergeOptions(sources: readonly ExperimentOptions[], directory: string): Configuration {
  const given = sources.reduce((merged, source) => CONFIGURATION.merge(merged, source), {})
  return CONFIGURATION.resolve(given, directory)
}

/** Return the recorded form of a configuration: trackers by their names, addresses without passwords. */
export function describeConfiguration(configuration: Configuration): JsonObject {
  return CONFIGURATION.toRecord(configuration) as JsonObject
}

/** The part of a record that describes how the run was configured. */
export interface RecordedRun {
  readonly configuration: JsonObject
  readonly command: { readonly workingDirectory: string }
}

/**
 * Return the options of a record, as if they were given. The record may come from an untrusted source, so
 * each option is checked as usual. Options that are damaged, invalid or unknown are left out. Trackers are
 * left out as well, because they are code.
 */
export function recordedOptions({ configuration, command }: RecordedRun): ExperimentOptions {
  const context = { zod: ZOD, field: '', folder: command.workingDirectory }
  return CONFIGURATION.fromRecord(configuration, context) ?? {}
}

/** Return the options of a record, with defaults for those that are missing; see {@link recordedOptions}. */
export function recordedConfiguration(record: RecordedRun): Configuration {
  return mergeOptions([recordedOptions(record)], record.command.workingDirectory)
}

/** Return whether a capture is enabled. The built-in captures have an option that disables them. */
export function isCaptureEnabled(configuration: Configuration, capture: string): boolean {
  const name = OPTION_NAMES.find((option) => OPTIONS[option].switches === capture)
  return name === undefined || configuration[name] === true
}
