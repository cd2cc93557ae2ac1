/** Reading runs: one, all, or the one that somebody means. No index: the folders are the truth. */
import { readFile, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { LineaprintError } from '../errors.ts'
import { errorCode, storeError } from './atomic.ts'
import { isRunId } from './ids.ts'
import { readJournal } from './journal-read.ts'
import { isAlive } from './process.ts'
import { RECORD_LIMIT, parseRecord } from './seal.ts'
import { applyEvent, initialState, toRecord } from './state.ts'
import { JOURNAL_FILE, RECORD_FILE } from './store.ts'
import type { JournalReport } from './journal-read.ts'
import type { RunRecord, RunStatus } from './record.ts'
import type { Store } from './store.ts'

/** A run as it stands in the store. */
export interface StoredRun {
  readonly id: string
  /** Absolute path. */
  readonly folder: string
  /** The record; of a run that has not ended with what its journal adds. */
  readonly record: RunRecord
  /** The bytes of `run.json`. */
  readonly recordBytes: Uint8Array
  /** As recorded; `lost` if the run has not ended and its process is gone. */
  readonly status: RunStatus
  /** What was found in the journal; only of a run that has not ended. */
  readonly journal?: JournalReport
}

/** A folder of the store that cannot be read as a run. */
export interface DamagedRun {
  readonly id: string
  readonly folder: string
  readonly error: LineaprintError
}

/** A run in a list: what tells it from others. */
export interface ListedRun extends Pick<
  RunRecord,
  'id' | 'name' | 'status' | 'startedAt' | 'finishedAt' | 'durationMs' | 'tags' | 'notes' | 'parent'
> {
  /** Absolute path. */
  readonly folder: string
  /** Program and arguments. */
  readonly argv: readonly string[]
}

/** All runs, oldest first. */
export interface RunList {
  readonly runs: readonly ListedRun[]
  readonly damaged: readonly DamagedRun[]
}

/** Folders read at a time. */
const PARALLEL = 16

/**
 * Reads one run.
 *
 * @param folder The folder of the run, in a store or copied elsewhere.
 * @throws ERR_LINEAPRINT_RECORD for a damaged record, ERR_LINEAPRINT_RUN if there is none.
 */
export async function readRun(folder: string): Promise<StoredRun> {
  const { record, recordBytes, status } = await readRecord(folder)
  const { id } = record
  if (record.status !== 'running') return { id, folder, record, recordBytes, status }
  const state = initialState(record)
  const journal = await readJournalIfThere(join(folder, JOURNAL_FILE), (event) => applyEvent(state, event))
  return { id, folder, record: toRecord(state, { status }), recordBytes, status, journal }
}

type ReadRecord = Pick<StoredRun, 'record' | 'recordBytes' | 'status'>

async function readRecord(folder: string, options: { quick?: boolean } = {}): Promise<ReadRecord> {
  const path = join(folder, RECORD_FILE)
  const read = async (): Promise<ReadRecord> => {
    const recordBytes = await readRecordBytes(path)
    const record = parseRecord(recordBytes, path, options)
    return { record, recordBytes, status: record.status }
  }
  const first = await read()
  if (first.status !== 'running' || isAlive(first.record.process) !== 'gone') return first
  // It may have ended well between the look at the record and the look at the process.
  const second = await read()
  return second.status === 'running' ? { ...second, status: 'lost' } : second
}

async function readJournalIfThere(...[path, visit]: Parameters<typeof readJournal>): Promise<JournalReport> {
  const there = await stat(path).then(
    () => true,
    () => false,
  )
  // A run that was killed in its first moments has no journal yet.
  return there ? readJournal(path, visit) : { events: 0, tornBytes: 0, problems: [] }
}

async function readRecordBytes(path: string): Promise<Uint8Array> {
  try {
    const info = await stat(path)
    if (!info.isFile() || info.size > RECORD_LIMIT) {
      throw new LineaprintError('ERR_LINEAPRINT_RECORD', 'it is no record', {
        path,
        expected: `a regular file of at most ${RECORD_LIMIT} bytes`,
        received: info.isFile() ? `${info.size} bytes` : 'something else',
      })
    }
    return await readFile(path)
  } catch (cause) {
    if (LineaprintError.is(cause)) throw cause
    if (errorCode(cause) === 'ENOENT') {
      throw new LineaprintError('ERR_LINEAPRINT_RECORD', 'the record of the run is missing', { path, cause })
    }
    throw storeError(path, 'the record cannot be read', cause)
  }
}

/**
 * Reads every run of a store, oldest first. A folder that is no run is reported beside them; a store that is
 * not there has no runs. Journals are not read.
 *
 * @throws ERR_LINEAPRINT_STORE if the store cannot be read.
 */
export async function listRuns(store: Store): Promise<RunList> {
  const ids = await runIds(store)
  const runs: ListedRun[] = []
  const damaged: DamagedRun[] = []
  const queue = ids.values()
  const work = async (): Promise<void> => {
    for (const id of queue) {
      const folder = join(store.runs, id)
      try {
        runs.push(listed(id, folder, await readRecord(folder, { quick: true })))
      } catch (error) {
        if (!LineaprintError.is(error)) throw error
        damaged.push({ id, folder, error })
      }
    }
  }
  await Promise.all(Array.from({ length: PARALLEL }, work))
  return { runs: runs.toSorted(byTime), damaged: damaged.toSorted((a, b) => (a.id < b.id ? -1 : 1)) }
}

/** Records are large: of each only this is kept. The folder's name is the id by which it is found. */
function listed(id: string, folder: string, { record, status }: ReadRecord): ListedRun {
  const { name, startedAt, finishedAt, durationMs, tags, notes, parent, command } = record
  const { argv } = command
  return { id, name, status, startedAt, finishedAt, durationMs, tags, notes, parent, folder, argv }
}

function byTime(a: ListedRun, b: ListedRun): number {
  return `${a.startedAt} ${a.id}` < `${b.startedAt} ${b.id}` ? -1 : 1
}

async function runIds(store: Store): Promise<string[]> {
  try {
    const entries = await readdir(store.runs, { withFileTypes: true })
    return entries.filter((entry) => entry.isDirectory() && isRunId(entry.name)).map(({ name }) => name)
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT') return []
    throw storeError(store.runs, 'the store cannot be read', cause)
  }
}

/**
 * Finds the run that somebody means.
 *
 * @param reference An id, the beginning of one id only, the name of an experiment (its newest run), or `@latest`.
 * @throws ERR_LINEAPRINT_RUN if nothing or more than one thing is meant.
 */
export async function findRun(store: Store, reference: string): Promise<StoredRun> {
  const ids = await runIds(store)
  if (ids.includes(reference)) return readRun(join(store.runs, reference))
  const matches = reference === '' ? [] : ids.filter((id) => id.startsWith(reference))
  const [only] = matches
  if (only !== undefined && matches.length === 1) return readRun(join(store.runs, only))
  const { runs } = await listRuns(store)
  const newest = runs.findLast(({ name }) => reference === '@latest' || name === reference)
  if (newest) return readRun(newest.folder)
  throw notFound(store, reference, matches.toSorted(), ids.length)
}

function notFound(
  store: Store,
  reference: string,
  matches: readonly string[],
  total: number,
): LineaprintError {
  if (matches.length > 0) {
    const shown = matches.slice(0, 5).join(', ')
    return new LineaprintError(
      'ERR_LINEAPRINT_RUN',
      `${matches.length} runs begin with ${JSON.stringify(reference)}`,
      {
        hint: `name one of ${shown}${matches.length > 5 ? ', …' : ''}`,
      },
    )
  }
  if (total === 0) {
    return new LineaprintError('ERR_LINEAPRINT_RUN', 'there are no runs yet', {
      path: store.root,
      hint: 'make one with "lineaprint run -- COMMAND", or name the folder of the store with --output-dir',
    })
  }
  return new LineaprintError('ERR_LINEAPRINT_RUN', `there is no run ${JSON.stringify(reference)}`, {
    hint: 'a run is named by its id, the beginning of it, the name of its experiment, or @latest; "lineaprint list" shows them',
  })
}
