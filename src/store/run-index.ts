/**
 * The index of a store: the listed fields of each run, with the stamp of its record. An entry is valid only
 * while the record has the same stamp, and is kept only if the record had been unchanged for a while before
 * it was read.
 */
import { statSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { peekCatalog, readCatalog } from './catalog/catalog.ts'
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
import { isAlive } from '../util/process-identity.ts'
import { readRecord } from './read.ts'
import { RECORD_FILE, runFolder } from './store.ts'
import type { BigIntStats } from 'node:fs'
import type { JsonValue } from '../core/json-value.ts'
import type { FieldParser } from '../json/read-fields.ts'
import type { RunId } from '../core/run-id.ts'
import type { CatalogContent, CatalogRow } from './catalog/catalog.ts'
import type { RunRecord, RunStatus } from '../record/record.ts'
import type { ProcessRecord } from '../util/process-identity.ts'
import type { Store } from './store.ts'

/** A run in a list, with the fields that identify it. */
export interface ListedRun extends Pick<
  RunRecord,
  'id' | 'name' | 'status' | 'startedAt' | 'finishedAt' | 'durationMs' | 'tags' | 'notes' | 'parent'
> {
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
interface Entry extends Omit<ListedRun, 'id' | 'folder'> {
  readonly process?: ProcessRecord
}

const nullableText = nullable(text)

/** Parse a number that a record can hold: JSON text such as `1e999` gives an infinity. */
const finite: FieldParser<number> = (value, field) => {
  const parsed = number(value, field)
  if (Number.isFinite(parsed)) return parsed
  throw damagedField(field, 'a finite number', value)
}

/** Parse a run name. An entry without one, even null, is of a version that did not know the field, and is made again. */
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
function parseEntry(json: string): Entry | undefined {
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
 * Milliseconds that a record must be unchanged before its entry is kept: some file systems store times in
 * whole seconds, or in two, and would hide a change within one step.
 */
const REST = 3000

/** The names by which an indexed run can be found. */
export type IndexedNames = Pick<ListedRun, 'name' | 'runName' | 'tags'> & { readonly id: string }

/** Most runs whose names are read from an index without a list. */
const PEEK_LIMIT = 2000

/**
 * Return the names of the runs in the index, the newest ids first, as they were when the index was written. Nothing else
 * is read, nothing is written, and an index that is missing or cannot be used has none.
 */
export function indexedNames(store: Store): IndexedNames[] {
  return peekCatalog(store.root, PEEK_LIMIT).flatMap(({ id, entry }) => {
    const parsed = parseEntry(entry)
    return parsed === undefined ? [] : [{ id, name: parsed.name, runName: parsed.runName, tags: parsed.tags }]
  })
}

/** The index of one store, for one list. */
export class RunIndex {
  readonly #store: Store
  readonly #catalog: CatalogContent
  readonly #seen = new Set<string>()
  readonly #changed: CatalogRow[] = []
  readonly #stamps = new StampReader()

  private constructor(store: Store, catalog: CatalogContent) {
    this.#store = store
    this.#catalog = catalog
  }

  /** Read the index. One that cannot be used is treated as empty. */
  static open(store: Store): RunIndex {
    return new RunIndex(store, readCatalog(store.root))
  }

  /**
   * Return the listed fields of a run.
   *
   * @throws ERR_LINEAPRINT_RECORD or ERR_LINEAPRINT_STORE if its record cannot be read.
   */
  async query(id: RunId): Promise<ListedRun> {
    const folder = runFolder(this.#store, id)
    const path = join(folder, RECORD_FILE)
    const readAt = Date.now()
    const before = await this.#stamps.read(path)
    const known = this.#catalog.rows.get(id)
    const entryKept =
      before !== undefined && known?.stamp === before.stamp ? parseEntry(known.entry) : undefined
    if (before !== undefined && entryKept !== undefined) {
      const status = await statusOf(entryKept, path, before.stamp)
      if (status !== undefined) {
        this.#seen.add(id)
        return listed(id, folder, entryKept, status)
      }
    }
    const { record, status } = await readRecord(folder, { quick: true })
    const entry = entryOf(record)
    // A record replaced during the read has neither stamp.
    if (
      before !== undefined &&
      readAt - before.changedAt > REST &&
      (await stampOf(path))?.stamp === before.stamp
    ) {
      this.#seen.add(id)
      this.#changed.push({ id, stamp: before.stamp, entry: JSON.stringify(entry) })
    }
    return listed(id, folder, entry, status)
  }

  /** Save the new entries. Returns the reason why there is no index, one sentence, if there is none. */
  close(): string | undefined {
    const gone = [...this.#catalog.rows.keys()].filter((id) => !this.#seen.has(id))
    const reason = this.#catalog.refusal ?? this.#catalog.update(this.#changed, gone)
    return reason === undefined ? undefined : `${this.#store.root} has no index: ${reason}`
  }
}

function entryOf(record: RunRecord): Entry {
  const {
    name,
    runName = null,
    status,
    startedAt,
    finishedAt,
    durationMs,
    tags,
    notes,
    parent,
    command,
    process,
  } = record
  const { argv } = command
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

function listed(id: RunId, folder: string, entry: Entry, status: RunStatus): ListedRun {
  // The folder's name is the id by which the run is found.
  const { process: _, ...fields } = entry
  return { ...fields, id, status, folder }
}

/** Return the status of a run whose record is unchanged; `undefined` if the record must be read. */
async function statusOf(
  { status, process }: Entry,
  path: string,
  stamp: string,
): Promise<RunStatus | undefined> {
  if (process === undefined || isAlive(process) !== 'gone') return status
  // The run may have ended between the read of the record and the check of the process.
  return (await stampOf(path))?.stamp === stamp ? 'lost' : undefined
}

interface Stamp {
  readonly stamp: string
  /** Milliseconds since 1970, by the clock of the file system. */
  readonly changedAt: number
}

/** Milliseconds after which other work of the event loop gets its turn. */
const SLICE = 5

/** Milliseconds of one look at a file from which on the file system is slow, as over a network. */
const SLOW = 1

/**
 * Reads the stamps of many files. A look from this thread takes less time than one through a promise, and blocks the event
 * loop: the looks stop for other work, and on a slow file system they are made beside it.
 */
class StampReader {
  #isSlow = false
  #sliceStart = 0

  async read(path: string): Promise<Stamp | undefined> {
    if (this.#isSlow) return stampOf(path)
    const from = performance.now()
    if (from - this.#sliceStart > SLICE) {
      await setImmediate()
      this.#sliceStart = performance.now()
    }
    const before = performance.now()
    const info = statIfPresent(path)
    this.#isSlow = performance.now() - before > SLOW
    return info && stampFrom(info)
  }
}

function statIfPresent(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false })
  } catch {
    // Reading the record reports the problem.
    return undefined
  }
}

/** Return the stamp of a file; `undefined` if it cannot be looked at. */
async function stampOf(path: string): Promise<Stamp | undefined> {
  let info: BigIntStats
  try {
    info = await stat(path, { bigint: true })
  } catch {
    // Reading the record reports the problem.
    return undefined
  }
  return stampFrom(info)
}

/** The stamp changes with the file: each version of a record is a new file, renamed over the old one. */
function stampFrom({ ino, size, mtimeNs, ctimeNs }: BigIntStats): Stamp {
  const changedAt = Number((mtimeNs > ctimeNs ? mtimeNs : ctimeNs) / 1_000_000n)
  return { stamp: `${ino} ${size} ${mtimeNs} ${ctimeNs}`, changedAt }
}
