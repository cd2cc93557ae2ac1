/** Answers from the index of a store. This module and what it imports are loaded only where runs are looked up. */
import { errorText } from '../util/error-text.ts'
import { errorCode } from '../util/fs.ts'
import { LineaprintError } from '../core/errors.ts'
import { failureOf } from './index-files/sqlite.ts'
import { NoOrigin, discardIndex, openIndex, peekIndex } from './index-files/open.ts'
import { folderRefusal } from './index-files/paths.ts'
import {
  DamagedRows,
  keysOf,
  queryRuns,
  readAllContents,
  readContents,
  readRuns,
  readValues,
} from './read.ts'
import { CHECKED, refresh } from './refresh.ts'
import { candidatesFor, countRuns, fieldNames, indexedNamesIn } from './lookup.ts'
import { AUTO_RUNS, NAME_LIMIT, RunIds } from './run-order.ts'
import { rowsMark } from './write.ts'
import { columnFields } from './columns.ts'
import { GROUP_LIMIT, inOrder } from './group-order.ts'
import { selectGroups, selectIds } from './query.ts'
import type { RunId } from '../core/run-id.ts'
import type { JsonValue } from '../core/json-value.ts'
import type { MarkedGroups } from './group-order.ts'
import type { GroupQuery } from './query.ts'
import type { OrderedRuns } from './run-order.ts'
import type { Store } from '../store/store.ts'
import type { DamagedRun } from '../store/runs.ts'
import type { Candidates } from '../store/reference.ts'
import type { ValuedRun } from './columns.ts'
import type { RunConnection } from './connection.ts'
import type { Expression } from './expression/expression.ts'
import type { ContentList } from './stored-contents.ts'
import type { CheckedFilter } from './filter.ts'
import type { IndexedNames } from './lookup.ts'

/** The reason why there is no answer from an index, in a few words; `undefined` if it has no lasting one. */
export interface NoIndex {
  readonly reason: string | undefined
}

/** A list from an index. */
export interface IndexedList {
  readonly runs: readonly ValuedRun[]
  readonly damaged: readonly DamagedRun[]
  readonly total: number
}

/** Return a list from the index of a store, which is made or brought up to date. */
export async function listIndexed(store: Store, filter: CheckedFilter): Promise<IndexedList | NoIndex> {
  return withIndex(store, async (connection) => {
    const damaged = await refresh(connection, store, CHECKED.list)
    return { ...(await listFrom(connection, store, filter)), damaged }
  })
}

/** Return what a filter selects from a database as it is. */
export async function listFrom(
  connection: RunConnection,
  store: Store,
  filter: CheckedFilter,
): Promise<Omit<IndexedList, 'damaged'>> {
  const match = await queryRuns(connection, store, filter)
  const keys = match.map(({ key }) => key)
  const needs = filter.columns.length > 0
  const values = needs ? await readValues(connection, keys) : []
  const contents = needs ? await readContents(connection, keys) : []
  const runs = match.map(({ run }, index) => ({
    run,
    parameters: values[index]?.parameters ?? new Map(),
    metrics: values[index]?.metrics ?? new Map(),
    contents: contents[index] ?? [],
  }))
  return { runs, total: await countRuns(connection) }
}

/**
 * Return the ids of the runs that a filter selects, from the index of a store, which is brought up to date.
 *
 * @param kept An earlier answer to the same question. It is returned again if no row changed since.
 */
export async function orderIndexed(
  store: Store,
  filter: CheckedFilter,
  kept: OrderedRuns | undefined,
): Promise<OrderedRuns | NoIndex> {
  return withIndex(store, async (connection) => {
    // A page asks again every few seconds, and the records are checked in turn.
    const damaged = await refresh(connection, store, CHECKED.find)
    return { ...(await orderFrom(connection, store, filter, kept)), damaged }
  })
}

/** Return the ids of the runs that a filter selects from a database as it is. @param kept As of {@link orderIndexed}. */
export async function orderFrom(
  connection: RunConnection,
  store: Store,
  filter: CheckedFilter,
  kept: OrderedRuns | undefined,
): Promise<Omit<OrderedRuns, 'damaged'>> {
  const mark = await markOf(connection, filter.where)
  if (kept !== undefined && mark !== undefined && kept.mark === mark) return kept
  const { rows } = await selectIds(filter, connection.dialect).execute(connection.database)
  const ids = new RunIds(rows[0]?.ids ?? '', Number(rows[0]?.count ?? 0))
  const isAuto = filter.columns.some(({ kind }) => kind === 'auto')
  const first = isAuto ? await runsFrom(connection, store, ids.slice(0, AUTO_RUNS)) : []
  return {
    ids,
    first,
    columns: columnFields(filter.columns, first),
    names: await fieldNames(connection, NAME_LIMIT),
    total: isOfAll(filter) ? ids.length : await countRuns(connection),
    mark,
  }
}

/** Return what changes with the rows and with the question: an age in it is another moment each time. */
async function markOf(connection: RunConnection, where: Expression): Promise<string | undefined> {
  const mark = await rowsMark(connection)
  return mark === undefined ? undefined : `${mark} ${JSON.stringify(where)}`
}

function isOfAll({ where }: CheckedFilter): boolean {
  return where.kind === 'and' && where.parts.length === 0
}

/**
 * Return the runs of each value of a field, from the index of a store, which is brought up to date.
 *
 * @param kept As of {@link orderIndexed}.
 */
export async function groupsIndexed(
  store: Store,
  query: GroupQuery,
  kept: MarkedGroups | undefined,
): Promise<MarkedGroups | NoIndex> {
  return withIndex(store, async (connection) => {
    await refresh(connection, store, CHECKED.find)
    return groupsFrom(connection, query, kept)
  })
}

/** Return the runs of each value of a field from a database as it is. @param kept As of {@link orderIndexed}. */
export async function groupsFrom(
  connection: RunConnection,
  query: GroupQuery,
  kept: MarkedGroups | undefined,
): Promise<MarkedGroups> {
  const mark = await markOf(connection, query.where)
  if (kept !== undefined && mark !== undefined && kept.mark === mark) return kept
  const { rows } = await selectGroups(query, connection.dialect).execute(connection.database)
  const groups = rows.map(({ value, runs, measured, least, mean, greatest }) => ({
    value: value === null || query.by.kind !== 'parameter' ? value : (JSON.parse(value) as JsonValue),
    runs: Number(runs),
    measured: Number(measured),
    least,
    mean,
    greatest,
  }))
  return { groups: inOrder(groups).slice(0, GROUP_LIMIT), count: groups.length, mark }
}

/** Return runs by their ids, in that order, from the index of a store as it is. */
export async function runsIndexed(store: Store, ids: readonly RunId[]): Promise<ValuedRun[] | NoIndex> {
  return withIndex(store, async (connection) => runsFrom(connection, store, ids))
}

/** Return runs by their ids, in that order, from a database as it is. */
export async function runsFrom(
  connection: RunConnection,
  store: Store,
  ids: readonly RunId[],
): Promise<ValuedRun[]> {
  const keys = await keysOf(connection, ids)
  const selected = ids.flatMap((id) => keys.get(id) ?? [])
  const runs = await readRuns(connection, store, selected)
  const values = await readValues(connection, selected)
  const contents = await readContents(connection, selected)
  return runs.map(({ run }, index) => ({
    run,
    parameters: values[index]?.parameters ?? new Map(),
    metrics: values[index]?.metrics ?? new Map(),
    contents: contents[index] ?? [],
  }))
}

/**
 * Return the runs among which a reference is looked up, from the index of a store: those that it can stand for, or all
 * runs.
 */
export async function candidatesIndexed(
  store: Store,
  reference: string,
  range: 'near' | 'all',
): Promise<Candidates | NoIndex> {
  return withIndex(store, async (connection) => {
    const damaged = await refresh(connection, store, range === 'near' ? CHECKED.find : CHECKED.list)
    return candidatesFor(connection, store, range === 'near' ? reference : undefined, damaged)
  })
}

/** Return every input and output of the runs from the index of a store, which is made or brought up to date. */
export async function contentsIndexed(store: Store): Promise<ContentList | NoIndex> {
  return withIndex(store, async (connection) => {
    const damaged = await refresh(connection, store, CHECKED.list)
    const { runs } = await candidatesFor(connection, store, undefined, damaged)
    return { runs, contents: await readAllContents(connection), damaged }
  })
}

/** Return the names of the runs in the index as it is, the newest ids first. Nothing is made, checked or removed. */
export async function namesIndexed(store: Store): Promise<IndexedNames[]> {
  let connection: RunConnection | undefined
  try {
    connection = folderRefusal(store.root) === undefined ? peekIndex(store.root) : undefined
    return connection === undefined ? [] : await indexedNamesIn(connection)
  } catch {
    // Whoever lists the runs gets along without an index as well.
    return []
  } finally {
    await connection?.close()
  }
}

/** Do work with the index of a store. One that turns out to be damaged is discarded, and the work is done again. */
async function withIndex<T>(
  { root }: Store,
  work: (connection: RunConnection) => Promise<T>,
): Promise<T | NoIndex> {
  const refusal = refusalOf(root)
  if (refusal !== undefined) return { reason: refusal }
  let failure: unknown
  // Another process may have removed the index in the meantime; the second try then succeeds.
  for (let round = 0; round < 2; round++) {
    let connection: RunConnection | undefined
    try {
      connection = openIndex(root)
      return await work(connection)
    } catch (error) {
      // What is wrong with the store has nothing to do with the index.
      if (LineaprintError.is(error) && error.code !== 'ERR_LINEAPRINT_UNSUPPORTED') throw error
      failure = error
      if (!isOfIndex(error)) throw error
      await closeIfOpen(connection)
      connection = undefined
      if (error instanceof DamagedRows || failureOf(error) === 'damaged') discardIndex(root)
      else if (failureOf(error) === 'busy') break
    } finally {
      await closeIfOpen(connection)
    }
  }
  return { reason: isPassing(failure) ? undefined : errorText(failure) }
}

function refusalOf(root: string): string | undefined {
  try {
    return folderRefusal(root)
  } catch (error) {
    return errorText(error)
  }
}

/** Check whether an error can come from the index: of its database, its rows or its files. */
function isOfIndex(error: unknown): boolean {
  return (
    error instanceof DamagedRows ||
    error instanceof NoOrigin ||
    failureOf(error) !== undefined ||
    errorCode(error) !== undefined
  )
}

/** Check whether a failure is temporary: another process writes or removes the index. */
function isPassing(error: unknown): boolean {
  return failureOf(error) === 'busy' || errorCode(error) === 'ENOENT'
}

async function closeIfOpen(connection: RunConnection | undefined): Promise<void> {
  try {
    await connection?.close()
  } catch {
    // What was read is read, and an index that cannot be written is made anew.
  }
}
