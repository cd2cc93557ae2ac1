/**
 * Reader of many runs: all of a store, or the one that a reference names. The folders are authoritative; the
 * index only saves reading a record that has not changed since it was last read.
 */
import { checkObject, checkText } from '../core/options.ts'
import { readdir } from 'node:fs/promises'
import { LineaprintError } from '../core/errors.ts'
import { errorCode, storeError } from '../util/fs.ts'
import { isRunId } from '../core/run-id.ts'
import { RunIndex } from './run-index.ts'
import { readRun } from './read.ts'
import { checkStore, runFolder } from './store.ts'
import { resolveReference } from './reference.ts'
import { selectRuns } from './select.ts'
import type { RunId } from '../core/run-id.ts'
import type { StoredRun } from './read.ts'
import type { ListedRun } from './run-index.ts'
import type { RunFilter } from './select.ts'
import type { Store } from './store.ts'

export { readRun } from './read.ts'
export type { StoredRun } from './read.ts'
export type { ListedLaunch, ListedRun } from './run-index.ts'
export type { RunFilter } from './select.ts'

/** A folder of the store that cannot be read as a run. */
export interface DamagedRun {
  readonly id: RunId
  /** Absolute path. */
  readonly folder: string
  readonly error: LineaprintError
}

/** Runs of a store, oldest first. */
export interface RunList {
  readonly runs: readonly ListedRun[]
  /** Folders that cannot be read as a run, in the order of their names, whatever the filter. */
  readonly damaged: readonly DamagedRun[]
  /** Number of readable runs, whatever the filter. */
  readonly total: number
  /** The reason why every record had to be read, one sentence; the list is correct all the same. */
  readonly slow?: string
}

/** Folders read at a time. */
const PARALLEL = 16

/**
 * List the runs of a store, oldest first. Folders that are not runs are reported separately; a missing store
 * has no runs. Journals are not read. Results are kept in an index in the store if possible: the next list
 * then reads only changed records.
 *
 * @param filter Selection of runs; all by default.
 * @throws ERR_LINEAPRINT_STORE if the store cannot be read.
 */
export async function listRuns(store: Store, filter: RunFilter = {}): Promise<RunList> {
  checkStore(store)
  checkObject(filter, 'filter')
  const ids = await runIds(store)
  if (ids.length === 0) return { runs: [], damaged: [], total: 0 }
  const index = RunIndex.open(store)
  const runs: ListedRun[] = []
  const damaged: DamagedRun[] = []
  const queue = ids.values()
  const work = async (): Promise<void> => {
    for (const id of queue) {
      try {
        runs.push(await index.query(id))
      } catch (error) {
        if (!LineaprintError.is(error)) throw error
        damaged.push({ id, folder: runFolder(store, id), error })
      }
    }
  }
  await Promise.all(Array.from({ length: PARALLEL }, work))
  const slow = index.close()
  return {
    runs: selectRuns(runs.toSorted(byTime), filter),
    damaged: damaged.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    total: runs.length,
    ...(slow !== undefined && { slow }),
  }
}

function byTime(a: ListedRun, b: ListedRun): number {
  if (a.startedAt !== b.startedAt) return a.startedAt < b.startedAt ? -1 : 1
  return a.id < b.id ? -1 : 1
}

async function runIds(store: Store): Promise<RunId[]> {
  try {
    const entries = await readdir(store.runs, { withFileTypes: true })
    return entries
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .filter(isRunId)
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT') return []
    throw storeError(store.runs, 'the store cannot be read', cause)
  }
}

/**
 * Find the run that a reference names.
 *
 * @param reference An id, the beginning of one id only, a run name, an experiment (its newest run), a tag of one run only,
 * `@latest` or `@previous`. `~N` after any of them stands for the Nth run before it: in the store after `@latest`, in
 * its experiment after a name.
 * @throws ERR_LINEAPRINT_RUN if no run matches, AMBIGUOUS if several do; the message names them.
 */
export async function findRun(store: Store, reference: string): Promise<StoredRun> {
  checkStore(store)
  checkText(reference, 'reference')
  const ids = await runIds(store)
  const exact = ids.find((id) => id === reference)
  if (exact !== undefined) return readRun(runFolder(store, exact))
  const { runs } = await listRuns(store)
  return readRun(runFolder(store, resolveReference(reference, { runs, ids }, store.root)))
}
