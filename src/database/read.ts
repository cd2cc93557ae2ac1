/** Reading runs and their values from a database. */
import { batches } from './connection.ts'
import { byStart } from './evaluate.ts'
import { selectKeys } from './query.ts'
import { rowDigest, runRow } from './write.ts'
import { listedRun, parseEntry } from '../store/listed-run.ts'
import { isRunId } from '../core/run-id.ts'
import { runFolder } from '../store/store.ts'
import type { RunStatus } from '../record/record.ts'
import type { ListedRun } from '../store/listed-run.ts'
import type { Store } from '../store/store.ts'
import type { RunConnection } from './connection.ts'
import type { RunQuery } from './query.ts'
import type { RunTables } from './schema.ts'
import type { MetricFacts } from './facts.ts'
import type { StoredContent } from './stored-contents.ts'
import type { JsonValue } from '../core/json-value.ts'

/** A run of a database. */
export interface DatabaseRun {
  readonly key: number
  readonly run: ListedRun
}

/** Thrown for rows that no writer of this version wrote. */
export class DamagedRows extends Error {}

/**
 * Return the runs that a query selects: in the order of its keys, without keys the oldest first.
 *
 * @throws DamagedRows if a row is not as it was written.
 */
export async function queryRuns(
  connection: RunConnection,
  store: Store,
  query: RunQuery,
): Promise<DatabaseRun[]> {
  const { rows } = await selectKeys(query, connection.dialect).execute(connection.database)
  const keys = rows.map(({ key }) => key)
  if (query.sort.length > 0) return readRuns(connection, store, keys)
  const runs = await readRuns(connection, store, keys.toReversed())
  // A damaged index of the database gives another order.
  if (runs.some(({ run }, at) => at > 0 && byStart(runs[at - 1]?.run ?? run, run) > 0))
    throw new DamagedRows('the runs are not in their order')
  return runs
}

/** Return the keys of runs by their ids. An id that no row has is left out. */
export async function keysOf(
  { database }: RunConnection,
  ids: readonly string[],
): Promise<Map<string, number>> {
  const keys = new Map<string, number>()
  for (const batch of batches(ids)) {
    const rows = await database.selectFrom('run').select(['id', 'key']).where('id', 'in', batch).execute()
    for (const { id, key } of rows) keys.set(id, key)
  }
  return keys
}

/** Return runs by their keys, in that order. */
export async function readRuns(
  { database }: RunConnection,
  store: Store,
  keys: readonly number[],
): Promise<DatabaseRun[]> {
  const runs = new Map<number, ListedRun>()
  for (const batch of batches(keys)) {
    const rows = await database
      .selectFrom('run')
      .innerJoin('detail', 'detail.run', 'run.key')
      .selectAll('run')
      .select(['detail.entry', 'detail.digest'])
      .where('run.key', 'in', batch)
      .execute()
    for (const { key, entry, digest, ...row } of rows) {
      const { id, stamp } = row
      const parsed = digest === rowDigest(id, stamp, entry) ? parseEntry(entry) : undefined
      if (parsed === undefined || !isRunId(id)) throw new DamagedRows(`the row of the run ${id} was changed`)
      const status = statusOf(row.status, parsed.status)
      if (!isEqualRow(row, runRow(id, stamp, status, parsed)))
        throw new DamagedRows(`the columns of the run ${id} were changed`)
      runs.set(key, listedRun(id, runFolder(store, id), parsed, status))
    }
  }
  return keys.map((key) => {
    const run = runs.get(key)
    if (run === undefined) throw new DamagedRows(`the run with the number ${key} has no rows`)
    return { key, run }
  })
}

function isEqualRow(
  row: Readonly<Record<string, unknown>>,
  wanted: Readonly<Record<string, unknown>>,
): boolean {
  return Object.entries(wanted).every(([column, value]) => row[column] === value)
}

/** A run that has not ended can be lost; every other has the recorded status. */
function statusOf(column: string, recorded: RunStatus): RunStatus {
  return recorded === 'running' && column === 'lost' ? 'lost' : recorded
}

/** The parameters and metrics of a run. */
export interface RunValues {
  readonly parameters: ReadonlyMap<string, JsonValue>
  readonly metrics: ReadonlyMap<string, MetricFacts>
}

/** Return the parameters and metrics of runs, in the order of the keys. */
export async function readValues({ database }: RunConnection, keys: readonly number[]): Promise<RunValues[]> {
  const values = new Map(
    keys.map((key) => [
      key,
      { parameters: new Map<string, JsonValue>(), metrics: new Map<string, MetricFacts>() },
    ]),
  )
  // Each name once, and not with each value: runs have the same ones.
  const names = new Map<number, string>()
  for (const batch of batches(keys)) {
    const parameters = await database
      .selectFrom('parameter')
      .select(['run', 'name', 'value'])
      .where('run', 'in', batch)
      .execute()
    const metrics = await database
      .selectFrom('metric')
      .select(['run', 'name', 'last', 'min', 'max', 'count'])
      .where('run', 'in', batch)
      .execute()
    await readNames(database, names, [parameters, metrics])
    for (const { run, name, value } of parameters)
      values.get(run)?.parameters.set(textOf(names, name), parsedValue(value))
    for (const { run, name, last, min, max, count } of metrics)
      values
        .get(run)
        ?.metrics.set(textOf(names, name), { last: last ?? NaN, min: min ?? NaN, max: max ?? NaN, count })
  }
  return keys.map((key) => values.get(key) ?? { parameters: new Map(), metrics: new Map() })
}

/** Add the names that rows have to those that are known. */
async function readNames(
  database: RunTables,
  names: Map<number, string>,
  lists: readonly (readonly { readonly name: number }[])[],
): Promise<void> {
  const missing = new Set<number>()
  for (const rows of lists) for (const { name } of rows) if (!names.has(name)) missing.add(name)
  for (const batch of batches([...missing])) {
    const rows = await database.selectFrom('name').selectAll().where('id', 'in', batch).execute()
    for (const { id, text } of rows) names.set(id, text)
  }
}

function textOf(names: ReadonlyMap<number, string>, id: number): string {
  const text = names.get(id)
  if (text === undefined) throw new DamagedRows(`the name with the number ${id} has no row`)
  return text
}

function parsedValue(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue
  } catch (cause) {
    throw new DamagedRows('a parameter is not JSON', { cause })
  }
}

/** An input or output of a run. */
export interface RunContent {
  readonly list: string
  readonly name: string
}

/** Return the inputs and outputs of runs, in the order of the keys, each once. */
export async function readContents(
  { database }: RunConnection,
  keys: readonly number[],
): Promise<RunContent[][]> {
  const contents = new Map<number, RunContent[]>(keys.map((key) => [key, []]))
  for (const batch of batches(keys)) {
    const rows = await database
      .selectFrom('content')
      .select(['run', 'list', 'name'])
      .distinct()
      .where('run', 'in', batch)
      .orderBy('list')
      .orderBy('name')
      .execute()
    for (const { run, list, name } of rows) contents.get(run)?.push({ list, name })
  }
  return keys.map((key) => contents.get(key) ?? [])
}

/** Return every input and output of every run, each with one digest. */
export async function readAllContents({ database }: RunConnection): Promise<StoredContent[]> {
  const rows = await database
    .selectFrom('content')
    .innerJoin('run', 'run.key', 'content.run')
    .select(['run.id', 'content.list', 'content.name', 'content.digest'])
    .execute()
  return rows.map(({ id, list, name, digest }) => {
    if (!isRunId(id) || (list !== 'inputs' && list !== 'outputs'))
      throw new DamagedRows('an input or output of a run was changed')
    return { run: id, list, name, digest }
  })
}
