/** Comparison of the start and end of two runs: command, configuration, metadata and status. */
import { flatten } from '../capture/compare-fields.ts'
import { describeConfiguration, recordedConfiguration } from '../config/options.ts'
import { compareText } from './causes.ts'
import type { JsonObject } from '../core/json-value.ts'
import type { RunRecord } from '../record/record.ts'
import type { StoredRun } from '../store/runs.ts'
import type { Part, RunDifference } from './causes.ts'

type Found = Omit<RunDifference, 'cause'>

/**
 * Options that identify a run, or control what of it is recorded, where and in which form. None changes the
 * computation of a run. Metadata is compared from the record itself.
 */
const LABELS: ReadonlySet<string> = new Set([
  'experimentId',
  'experimentName',
  'outputDir',
  'saveToJson',
  'saveToYaml',
  'saveToWandb',
  'saveToMlflow',
  'tags',
  'notes',
  'metadata',
  'environment',
  'git',
  'datasets',
  'models',
])

/** Compare the commands and options of two runs, and how they ended. */
export function diffSettings(before: StoredRun, after: StoredRun): Part {
  const [was, is] = [before.record, after.record]
  const differences = [
    ...diffArguments(was.command.argv, is.command.argv),
    ...compareText('command.workingDirectory', was.command.workingDirectory, is.command.workingDirectory),
    ...compareText('command.wrapped', String(was.command.wrapped), String(is.command.wrapped)),
    ...diffObjects('configuration', options(was), options(is)),
    ...diffObjects('metadata', was.metadata, is.metadata),
    ...compareText('lineaprint', was.lineaprint, is.lineaprint),
    ...compareText('status', before.status, after.status),
    ...compareText('command.exitCode', optional(was.command.exitCode), optional(is.command.exitCode)),
    ...compareText('command.signal', optional(was.command.signal), optional(is.command.signal)),
    ...compareText('failure.message', was.failure?.message, is.failure?.message),
    ...compareText('failure.code', was.failure?.code, is.failure?.code),
  ]
  return { differences, notCompared: [] }
}

/**
 * Compare argument by argument if both have the same number; otherwise compare the whole as one field,
 * because all later arguments are shifted.
 */
function diffArguments(before: readonly string[], after: readonly string[]): Found[] {
  if (before.length === after.length)
    return before.flatMap((argument, index) => compareText(`command.argv.${index}`, argument, after[index]))
  return compareText('command.argv', JSON.stringify(before), JSON.stringify(after))
}

function options(record: RunRecord): JsonObject {
  // An option that is absent from an older record had its default.
  const { seeds = {} } = describeConfiguration(recordedConfiguration(record))
  const all: JsonObject = { ...record.configuration, seeds }
  return Object.fromEntries(Object.entries(all).filter(([name]) => !LABELS.has(name)))
}

function diffObjects(name: string, before: JsonObject, after: JsonObject): Found[] {
  const [was, is] = [flatten(before, name), flatten(after, name)]
  return [...new Set([...was.keys(), ...is.keys()])]
    .toSorted()
    .flatMap((field) => compareText(field, was.get(field), is.get(field)))
}

function optional(value: string | number | null): string | undefined {
  return value === null ? undefined : String(value)
}
