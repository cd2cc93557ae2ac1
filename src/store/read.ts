/** Reader of one run: its record, and the journal of a run that has not ended. */
import { checkObject, checkPath } from '../core/options.ts'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { LineaprintError } from '../core/errors.ts'
import { errorCode, storeError } from '../util/fs.ts'
import { readJournal } from './journal-read.ts'
import { isReportedLost } from './reported-lost.ts'
import { isAlive } from '../util/process-identity.ts'
import { RECORD_LIMIT, parseRecord } from '../record/seal.ts'
import { applyEvent, initialState, toRecord } from '../record/state.ts'
import { JOURNAL_FILE, RECORD_FILE } from './store.ts'
import type { RunId } from '../core/run-id.ts'
import type { JournalReport } from './journal-read.ts'
import type { RunRecord, RunStatus } from '../record/record.ts'

/** A run in the store. */
export interface StoredRun {
  readonly id: RunId
  /** Absolute path. */
  readonly folder: string
  /** The record; for a run that has not ended, with the events of its journal. */
  readonly record: RunRecord
  /** The bytes of `run.json`. */
  readonly recordBytes: Uint8Array
  /** The recorded status, or `lost` if the run has not ended and its process has. */
  readonly status: RunStatus
  /** The result of reading the journal; only for a run that has not ended. */
  readonly journal?: JournalReport
}

/** Throw if an argument of a public function is not a run that was read. */
export function checkRun(run: unknown, field = 'run'): void {
  checkObject(run, field)
  const { folder, record } = run as Partial<StoredRun>
  if (typeof folder === 'string' && typeof record === 'object') return
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `${field} is not a run`, {
    field,
    expected: 'a run that findRun or readRun returned',
  })
}

/**
 * Read one run.
 *
 * @param folder The folder of the run, in a store or copied elsewhere.
 * @throws ERR_LINEAPRINT_RECORD for a damaged record, ERR_LINEAPRINT_RUN if there is none.
 */
export async function readRun(folder: string): Promise<StoredRun> {
  checkPath(folder)
  const { record, recordBytes, status } = await readRecord(folder)
  const { id } = record
  if (record.status !== 'running') return { id, folder, record, recordBytes, status }
  const state = initialState(record)
  const journal = await readJournalIfExists(join(folder, JOURNAL_FILE), (event) => applyEvent(state, event))
  return { id, folder, record: toRecord(state, { status }), recordBytes, status, journal }
}

/** A record without its journal. */
export type ReadRecord = Pick<StoredRun, 'record' | 'recordBytes' | 'status'>

/** Read the record of a run. `quick` as for `parseRecord`. */
export async function readRecord(folder: string, options: { quick?: boolean } = {}): Promise<ReadRecord> {
  const path = join(folder, RECORD_FILE)
  const read = async (): Promise<ReadRecord> => {
    const recordBytes = await readRecordBytes(path)
    const record = parseRecord(recordBytes, path, options)
    return { record, recordBytes, status: record.status }
  }
  const first = await read()
  if (first.status !== 'running') return first
  const isGone = isAlive(first.record.process) === 'gone' || (await isReportedLost(folder))
  if (!isGone) return first
  // The run may have ended between the read of the record and the check of the process.
  const second = await read()
  return second.status === 'running' ? { ...second, status: 'lost' } : second
}

async function readJournalIfExists(...[path, visit]: Parameters<typeof readJournal>): Promise<JournalReport> {
  const exists = await stat(path).then(
    () => true,
    () => false,
  )
  // A run that was killed right after its start has no journal yet.
  return exists ? readJournal(path, visit) : { events: 0, tornBytes: 0, problems: [] }
}

async function readRecordBytes(path: string): Promise<Uint8Array> {
  try {
    const info = await stat(path)
    if (!info.isFile() || info.size > RECORD_LIMIT) {
      throw new LineaprintError('ERR_LINEAPRINT_RECORD', 'not a run record', {
        path,
        expected: `a regular file of at most ${RECORD_LIMIT} bytes`,
        received: info.isFile() ? `${info.size} bytes` : 'something else',
      })
    }
    return await readFile(path)
  } catch (cause) {
    if (LineaprintError.is(cause)) throw cause
    if (errorCode(cause) === 'ENOENT') {
      throw new LineaprintError('ERR_LINEAPRINT_RECORD', 'the record of the run is missing', {
        path,
        hint: 'the copy may be incomplete: copy the folder again, or remove it',
        cause,
      })
    }
    throw storeError(path, 'the record cannot be read', cause)
  }
}
