/** A run in a list: the fields that identify it, and their form in an index. */
import {
  anyObject,
  damagedField,
  listOf,
  nullable,
  number,
  objectOf,
  oneOf,
  optional,
  parseMembers,
  text,
  unlessDamaged,
} from '../json/read-fields.ts'
import type { JsonValue } from '../core/json-value.ts'
import type { RunId } from '../core/run-id.ts'
import type { FieldParser } from '../json/read-fields.ts'
import type { RunRecord, RunStatus } from '../record/record.ts'
import type { RunLabels } from './annotations.ts'
import type { ProcessRecord } from '../util/process-identity.ts'

/** A run in a list, with the fields that identify it. */
export interface ListedRun extends Pick<
  RunRecord,
  'id' | 'name' | 'status' | 'startedAt' | 'finishedAt' | 'durationMs' | 'tags' | 'notes' | 'parent'
> {
  /** Id of the run that it continues; null if there is none. */
  readonly continues: string | null
  /** Name of the run beside its experiment; null if it has none. */
  readonly runName: string | null
  /** Absolute path. */
  readonly folder: string
  /** Program and arguments. */
  readonly argv: readonly string[]
  /** The launch whose ranks on one machine are the run; null if it is no part of one. */
  readonly launch: ListedLaunch | null
}

/** A launch, and the first of its ranks that a run has. */
export interface ListedLaunch {
  readonly launcher: string
  /** The name that all runs of the launch have in common. */
  readonly group: string
  readonly node: string
  readonly rank: number
  /** Number of ranks on all machines; null if the launcher does not tell. */
  readonly size: number | null
}

/** A run in the index: without id and folder, and with its process if it has not ended. */
export interface RunEntry extends Omit<ListedRun, 'id' | 'folder'> {
  readonly process?: ProcessRecord
}

const nullableText = nullable(text)

/** Parse a number that a record can hold: JSON text such as `1e999` gives an infinity. */
const finite: FieldParser<number> = (value, field) => {
  const parsed = number(value, field)
  if (Number.isFinite(parsed)) return parsed
  throw damagedField(field, 'a finite number', value)
}

/** Parse a name. An entry without one, even null, is of a version that did not know the field, and is made again. */
const recordedName: FieldParser<string | null> = (value, field) =>
  value === null ? null : text(value, field)

/** As {@link recordedName}: an entry without it is made again. */
const recordedLaunch: FieldParser<ListedLaunch | null> = (value, field) =>
  value === null ? null : launchFields(value, field)

const launchFields = objectOf({
  launcher: text,
  group: text,
  node: text,
  rank: finite,
  size: nullable(finite),
})

/** The members of an entry. */
const ENTRY = {
  name: text,
  runName: recordedName,
  status: oneOf(['running', 'finished', 'failed', 'killed', 'lost']),
  startedAt: text,
  finishedAt: nullableText,
  durationMs: nullable(finite),
  tags: listOf(text),
  notes: text,
  parent: nullableText,
  continues: recordedName,
  argv: listOf(text),
  launch: recordedLaunch,
  process: optional(
    objectOf({
      pid: finite,
      startTime: nullable(finite),
      host: text,
      bootId: nullableText,
      pidNamespace: nullableText,
    }),
  ),
} as const

/** Parse an entry; `undefined` for anything else, since anybody can write to a file of the index. */
export function parseEntry(json: string): RunEntry | undefined {
  return unlessDamaged(() => {
    try {
      return parseMembers(ENTRY, anyObject(JSON.parse(json) as JsonValue, 'entry'), '')
    } catch (error) {
      if (error instanceof SyntaxError) return undefined
      throw error
    }
  })
}

/**
 * Return the entry of a record.
 *
 * @param labels Those that the run has by its annotations.
 */
export function entryOf(record: RunRecord, { runName, tags }: Pick<RunLabels, 'runName' | 'tags'>): RunEntry {
  const { name, status, startedAt, finishedAt, durationMs, notes, parent, command, process } = record
  const { argv } = command
  const { continues = null } = record
  const launch = launchOf(record)
  const entry = {
    name,
    runName,
    status,
    startedAt,
    finishedAt,
    durationMs,
    tags,
    notes,
    parent,
    continues,
    argv,
    launch,
  }
  return status === 'running' ? { ...entry, process } : entry
}

function launchOf({ launch }: RunRecord): ListedLaunch | null {
  if (launch === undefined || launch.ranks.length === 0) return null
  const { launcher, group, node, size = null, ranks } = launch
  return { launcher, group, node, rank: Math.min(...ranks.map(({ rank }) => rank)), size }
}

/** Return a run with its present status. */
export function listedRun(id: RunId, folder: string, entry: RunEntry, status: RunStatus): ListedRun {
  // The folder's name is the id by which the run is found.
  const { process: _, ...fields } = entry
  return { ...fields, id, status, folder }
}
