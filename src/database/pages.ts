/** Long lists of runs in parts: the order as ids, and the runs of some ids. */
import { checkStore } from '../store/store.ts'
import { hasRuns } from '../store/runs.ts'
import { columnFields, columnValues } from './columns.ts'
import { writtenField } from './expression/fields.ts'
import { checkFilter } from './filter.ts'
import { readFolders, selectRuns } from './folders.ts'
import { AUTO_RUNS, NAME_LIMIT, RunIds } from './run-order.ts'
import { valued } from './valued.ts'
import type { RunId } from '../core/run-id.ts'
import type { Store } from '../store/store.ts'
import type { ValuedRun } from './columns.ts'
import type { Field } from './expression/expression.ts'
import type { FoundRun } from './evaluate.ts'
import type { RunFilter } from './filter.ts'
import type { FieldNames, OrderedRuns } from './run-order.ts'
import type { RunOfList } from './runs.ts'

/**
 * Return the ids of the runs that a filter selects. The index of the store is brought up to date first.
 *
 * @param kept An earlier answer to the same question. Where no row of the index changed since, it is the answer again.
 * @throws ERR_LINEAPRINT_STORE if the store cannot be read, ERR_LINEAPRINT_ARGUMENT for a wrong filter.
 */
export async function orderRuns(
  store: Store,
  filter: Omit<RunFilter, 'limit'>,
  kept?: OrderedRuns,
): Promise<OrderedRuns> {
  checkStore(store)
  const checked = checkFilter(filter)
  const nothing = { parameters: [], metrics: [] }
  if (!(await hasRuns(store)))
    return {
      ids: RunIds.of([]),
      columns: [],
      damaged: [],
      total: 0,
      names: nothing,
      first: [],
      mark: undefined,
    }
  const { orderIndexed } = await import('./indexed.ts')
  const indexed = await orderIndexed(store, checked, kept)
  if (!('reason' in indexed)) return indexed
  const { runs, damaged } = await readFolders(store)
  const selected = selectRuns(runs, checked)
  const inOrder = checked.sort.length > 0 ? selected : selected.toReversed()
  const first = inOrder.slice(0, AUTO_RUNS).map(valued)
  return {
    ids: RunIds.of(inOrder.map(({ run }) => run.id)),
    first,
    columns: columnFields(checked.columns, first),
    damaged,
    total: runs.length,
    names: namesOf(runs),
    mark: undefined,
  }
}

/**
 * Return runs by their ids, in that order, with the values of columns by their names in an expression. An id that the store
 * has no more is left out.
 */
export async function runsWithIds(
  store: Store,
  ids: readonly RunId[],
  columns: readonly Field[],
): Promise<RunOfList[]> {
  return withValues(await valuesOf(store, ids), columns)
}

/** Return runs with the values of columns by their names in an expression. */
export function withValues(matches: readonly ValuedRun[], columns: readonly Field[]): RunOfList[] {
  const names = writtenFields(columns)
  return matches.map((match) => ({ ...match.run, values: columnValues(columns, names, match) }))
}

const WRITTEN = new WeakMap<readonly Field[], readonly string[]>()

/** Return the names of columns in an expression. They are kept as long as the columns: each takes a parse. */
export function writtenFields(columns: readonly Field[]): readonly string[] {
  let names = WRITTEN.get(columns)
  if (names === undefined) WRITTEN.set(columns, (names = columns.map(writtenField)))
  return names
}

async function valuesOf(store: Store, ids: readonly RunId[]): Promise<readonly ValuedRun[]> {
  if (ids.length === 0) return []
  const { runsIndexed } = await import('./indexed.ts')
  const indexed = await runsIndexed(store, ids)
  if (!('reason' in indexed)) return indexed
  const { runs } = await readFolders(store)
  const byId = new Map<string, FoundRun>(runs.map((match) => [match.run.id, match]))
  return ids.flatMap((id) => {
    const match = byId.get(id)
    return match === undefined ? [] : [valued(match)]
  })
}

function namesOf(runs: readonly FoundRun[]): FieldNames {
  const names = (select: (run: FoundRun) => Iterable<string>): string[] =>
    [...new Set(runs.flatMap((run) => [...select(run)]))].toSorted().slice(0, NAME_LIMIT)
  return {
    parameters: names(({ facts }) => facts.parameters.keys()),
    metrics: names(({ facts }) => facts.metrics.keys()),
  }
}
