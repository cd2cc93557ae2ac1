/** Comparison of the start and end of two runs: command, configuration, metadata and status. */
import { flatten } from '../capture/compare-fields.ts'
import { describeConfiguration, recordedConfiguration } from '../config/options.ts'
import { compareText } from './causes.ts'
import { isRedacted } from '../secrets/redact.ts'
import type { JsonObject } from '../core/json-value.ts'
import type { RunRecord } from '../record/record.ts'
import type { StoredRun } from '../store/runs.ts'
import type { NotCompared, Part, RunDifference } from './causes.ts'

type SettingDifference = Omit<RunDifference, 'cause'>

/**
 * Options that identify a run, or control what of it is recorded, where and in which form. None changes the
 * computation of a run. Metadata is compared from the record itself.
 */
const LABELS: ReadonlySet<string> = new Set([
  'experimentId',
  'experimentName',
  'runName',
  'continues',
  'outputDir',
  'redact',
  'storeAccess',
  'saveToJson',
  'saveToYaml',
  'saveToWandb',
  'saveToMlflow',
  'server',
  'serverProject',
  'serverTimeoutMs',
  'tags',
  'notes',
  'metadata',
  'environment',
  'git',
  'datasets',
  'models',
  'reported',
])

/** Compare the commands and options of two runs, and how they ended. */
export function diffSettings(before: StoredRun, after: StoredRun): Part {
  const [recordBefore, recordAfter] = [before.record, after.record]
  const differences = [
    ...diffArguments(recordBefore.command.argv, recordAfter.command.argv),
    ...compareText(
      'command.workingDirectory',
      recordBefore.command.workingDirectory,
      recordAfter.command.workingDirectory,
    ),
    ...compareText(
      'command.wrapped',
      String(recordBefore.command.wrapped),
      String(recordAfter.command.wrapped),
    ),
    ...diffObjects('configuration', options(recordBefore), options(recordAfter)),
    ...diffObjects('metadata', recordBefore.metadata, recordAfter.metadata),
    ...(recordBefore.parameters === undefined || recordAfter.parameters === undefined
      ? []
      : diffObjects('parameters', parameters(recordBefore), parameters(recordAfter))),
    ...compareText('lineaprint', recordBefore.lineaprint, recordAfter.lineaprint),
    ...compareText('status', before.status, after.status),
    ...compareText(
      'command.exitCode',
      optional(recordBefore.command.exitCode),
      optional(recordAfter.command.exitCode),
    ),
    ...compareText(
      'command.signal',
      optional(recordBefore.command.signal),
      optional(recordAfter.command.signal),
    ),
    ...compareText('failure.message', recordBefore.failure?.message, recordAfter.failure?.message),
    ...compareText('failure.code', recordBefore.failure?.code, recordAfter.failure?.code),
  ]
  return { differences, notCompared: hiddenSettings(recordBefore, recordAfter) }
}

/** Return the equal settings in which a secret was replaced in both runs: it may have been another one. */
function hiddenSettings(before: RunRecord, after: RunRecord): NotCompared[] {
  const [textsBefore, textsAfter] = [before, after].map((record) => {
    const { argv, workingDirectory } = record.command
    return new Map([
      ...argv.map((argument, index) => [`command.argv.${index}`, argument] as const),
      ['command.workingDirectory', workingDirectory] as const,
      ...flatten(record.metadata, 'metadata'),
      ...flatten(parameters(record), 'parameters'),
    ])
  })
  return [...(textsBefore ?? [])]
    .filter(([field, text]) => isRedacted(text) && textsAfter?.get(field) === text)
    .map(([field]) => ({ field, reason: 'a secret in it is not kept' }))
}

/**
 * Compare argument by argument if both have the same number; otherwise compare the whole as one field,
 * because all later arguments are shifted.
 */
function diffArguments(before: readonly string[], after: readonly string[]): SettingDifference[] {
  if (before.length === after.length)
    return before.flatMap((argument, index) => compareText(`command.argv.${index}`, argument, after[index]))
  return compareText('command.argv', JSON.stringify(before), JSON.stringify(after))
}

function options(record: RunRecord): JsonObject {
  // An option that is absent from an older record had its default.
  const { seeds = {} } = describeConfiguration(recordedConfiguration(record))
  const recorded: JsonObject = { ...record.configuration, seeds }
  return Object.fromEntries(Object.entries(recorded).filter(([name]) => !LABELS.has(name)))
}

function diffObjects(name: string, before: JsonObject, after: JsonObject): SettingDifference[] {
  const [fieldsBefore, fieldsAfter] = [flatten(before, name), flatten(after, name)]
  return [...new Set([...fieldsBefore.keys(), ...fieldsAfter.keys()])]
    .toSorted()
    .flatMap((field) => compareText(field, fieldsBefore.get(field), fieldsAfter.get(field)))
}

/** The parameters of a run by name. */
function parameters({ parameters: recorded = {} }: RunRecord): JsonObject {
  return Object.fromEntries(Object.entries(recorded).map(([name, { value }]) => [name, value]))
}

function optional(value: string | number | null): string | undefined {
  return value === null ? undefined : String(value)
}
