/**
 * Finding runs: all that a filter selects, or the one that a reference names. The folders are authoritative; an index
 * only saves reading records that have not changed since they were read.
 */
import { checkText } from '../core/options.ts'
import { LineaprintError } from '../core/errors.ts'
import { readRun } from '../store/read.ts'
import { hasRuns, runIds } from '../store/runs.ts'
import { isRunId } from '../core/run-id.ts'
import { checkStore, runFolder } from '../store/store.ts'
import { resolveReference } from '../store/reference.ts'
import { pathExists } from '../util/fs.ts'
import { columnFields, columnValues } from './columns.ts'
import { columnNames } from './expression/fields.ts'
import { checkFilter } from './filter.ts'
import { readFolders, selectRuns } from './folders.ts'
import { valued } from './valued.ts'
import type { RunId } from '../core/run-id.ts'
import type { Candidates } from '../store/reference.ts'
import type { ListedRun } from '../store/listed-run.ts'
import type { StoredRun } from '../store/read.ts'
import type { DamagedRun } from '../store/runs.ts'
import type { Store } from '../store/store.ts'
import type { ColumnValue, ValuedRun } from './columns.ts'
import type { CheckedFilter, RunFilter } from './filter.ts'
import type { IndexedNames } from './lookup.ts'

export type { RunFilter } from './filter.ts'
export type { ColumnValue } from './columns.ts'
export type { IndexedNames } from './lookup.ts'

/** A run of a list, with the values of the columns that were asked for. */
export interface RunOfList extends ListedRun {
  /** By the name of the column; `null` for a missing value. Only if `columns` was given. */
  readonly values?: Readonly<Record<string, ColumnValue>>
}

/** Runs of a store: in the order that was asked for, by default the oldest first. */
export interface RunList {
  readonly runs: readonly RunOfList[]
  /** Names of the columns, `auto` replaced by the fields that it stands for. Only if `columns` was given. */
  readonly columns?: readonly string[]
  /** Folders that cannot be read as a run, in the order of their names, whatever the filter. */
  readonly damaged: readonly DamagedRun[]
  /** Number of readable runs, whatever the filter. */
  readonly total: number
  /** The reason why every record had to be read, one sentence; the list is correct all the same. */
  readonly slow?: string
}

/**
 * List the runs of a store. Folders that are not runs are reported separately; a missing store has no runs. Journals are
 * not read, so a run that has not ended has no metrics here. Results are kept in an index in the store if possible: the
 * next list then reads only changed records.
 *
 * @param filter Conditions, order and columns; all runs by default.
 * @throws ERR_LINEAPRINT_STORE if the store cannot be read, ERR_LINEAPRINT_ARGUMENT for a wrong filter.
 */
export async function listRuns(store: Store, filter: RunFilter = {}): Promise<RunList> {
  checkStore(store)
  const checked = checkFilter(filter)
  // Nothing is made in a folder that is no store.
  if (!(await hasRuns(store))) return listOf(checked, [], [], 0)
  const { listIndexed } = await import('./indexed.ts')
  const indexed = await listIndexed(store, checked)
  if (!('reason' in indexed)) return listOf(checked, indexed.runs, indexed.damaged, indexed.total)
  const { runs, damaged } = await readFolders(store)
  const list = listOf(checked, selectRuns(runs, checked).map(valued), damaged, runs.length)
  return indexed.reason === undefined ? list : { ...list, slow: slowness(store, indexed.reason) }
}

function slowness({ root }: Store, reason: string): string {
  return `${root} has no index: ${reason}`
}

/** Return runs as a list, with the values of the columns that were asked for. */
export function listOf(
  { columns }: CheckedFilter,
  runs: readonly ValuedRun[],
  damaged: readonly DamagedRun[],
  total: number,
): RunList {
  const inOrder = damaged.toSorted((a, b) => (a.id < b.id ? -1 : 1))
  if (columns.length === 0) return { runs: runs.map(({ run }) => run), damaged: inOrder, total }
  const fields = columnFields(columns, runs)
  const names = columnNames(fields)
  return {
    runs: runs.map((match) => ({ ...match.run, values: columnValues(fields, names, match) })),
    columns: names,
    damaged: inOrder,
    total,
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
  if (isRunId(reference) && (await pathExists(runFolder(store, reference), 'keep')))
    return readRun(runFolder(store, reference))
  return readRun(runFolder(store, await resolved(store, reference)))
}

async function resolved(store: Store, reference: string): Promise<RunId> {
  if (!(await hasRuns(store))) return resolveReference(reference, { runs: [], ids: [] }, store.root)
  const { candidatesIndexed } = await import('./indexed.ts')
  const near = await candidatesIndexed(store, reference, 'near')
  try {
    if (!('reason' in near)) return resolveReference(reference, near, store.root)
  } catch (error) {
    if (!LineaprintError.is(error)) throw error
    // The message names what only all runs tell.
  }
  const all = await candidatesIndexed(store, reference, 'all')
  return resolveReference(reference, 'reason' in all ? await candidatesOf(store) : all, store.root)
}

async function candidatesOf(store: Store): Promise<Candidates> {
  const { runs } = await readFolders(store)
  return { runs: runs.map(({ run }) => run), ids: await runIds(store) }
}

/**
 * Return the names of the runs in the index, the newest ids first, as they were when the index was written. Nothing else
 * is read, nothing is written, and an index that is missing or cannot be used has none.
 */
export async function indexedNames(store: Store): Promise<IndexedNames[]> {
  const { namesIndexed } = await import('./indexed.ts')
  return namesIndexed(store)
}
