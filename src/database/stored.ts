/** The values of runs that were read from their folders. */
import { readLabels } from '../store/annotations.ts'
import { listedRun } from '../store/listed-run.ts'
import { factsOf } from './facts.ts'
import { columnFields, columnValues } from './columns.ts'
import { columnNames } from './expression/fields.ts'
import { checkColumns } from './filter.ts'
import type { StoredRun } from '../store/read.ts'
import type { ColumnValue, ValuedRun } from './columns.ts'

/** A table with a row for each run. */
export interface RunTable {
  readonly columns: readonly string[]
  readonly rows: readonly Readonly<Record<string, ColumnValue>>[]
}

/**
 * Return the values of columns of runs.
 *
 * @param columns Fields, as of `listRuns`; `auto` for the parameters and metrics in which the runs differ.
 */
export async function tableOfRuns(runs: readonly StoredRun[], columns: readonly string[]): Promise<RunTable> {
  const valued = await Promise.all(runs.map(valuedRun))
  const fields = columnFields(checkColumns(columns), valued)
  const names = columnNames(fields)
  return { columns: names, rows: valued.map((run) => columnValues(fields, names, run)) }
}

async function valuedRun({ id, folder, record, status }: StoredRun): Promise<ValuedRun> {
  const { entry, parameters, metrics, contents } = factsOf(record, await readLabels(folder, record))
  return {
    run: listedRun(id, folder, entry, status),
    parameters: new Map([...parameters].map(([name, { value }]) => [name, value])),
    metrics,
    contents,
  }
}
