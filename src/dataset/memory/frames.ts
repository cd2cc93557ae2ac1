/**
 * Tables of libraries that are not of Arrow, recognised by their shape: data frames of nodejs-polars, arquero and danfo.
 */
import { join } from 'node:path'
import { LineaprintError } from '../../core/errors.ts'
import { makeTemporary } from '../../util/temporary.ts'
import { dtypeOf } from '../../hash/array.ts'
import { hashTable } from '../table.ts'
import { arrowColumn, isArrowColumn } from './arrow-tables.ts'
import { tableOfColumns, valueColumn } from './column-source.ts'
import type { TableHash } from '../table.ts'
import type { ColumnSource } from './column-source.ts'
import type { MemoryTableOptions } from './hash-table.ts'
import type { MemoryTable } from './records.ts'

/** A data frame of nodejs-polars. */
export interface PolarsFrameLike {
  writeIPCStream(path: string): unknown
}

/** A table of arquero. */
export interface ArqueroTableLike {
  columnNames(): readonly string[]
  column(name: string): { readonly length: number; at(row: number): unknown }
  numRows(): number
  totalRows(): number
  isFiltered(): boolean
  isOrdered(): boolean
  indices(isOrdered?: boolean): ArrayLike<number>
}

/** A data frame of danfo. */
export interface DanfoFrameLike {
  readonly columns: readonly unknown[]
  readonly dtypes: readonly string[]
  readonly index: readonly unknown[]
  readonly shape: readonly number[]
  column(name: string): { readonly values: readonly unknown[] }
}

function has(value: object, ...names: readonly string[]): boolean {
  // A frame of nodejs-polars is a Proxy that has only its columns for the operator `in`.
  return names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function')
}

/** Check whether a value is a data frame of nodejs-polars. */
export function isPolarsFrame(value: object): value is PolarsFrameLike {
  return has(value, 'writeIPCStream', 'getColumns', 'toRecords')
}

/** Check whether a value is a table of arquero. */
export function isArqueroTable(value: object): value is ArqueroTableLike {
  return has(
    value,
    'columnNames',
    'column',
    'numRows',
    'totalRows',
    'isFiltered',
    'isOrdered',
    'indices',
    'reify',
  )
}

/** Check whether a value is a data frame of danfo. */
export function isDanfoFrame(value: object): value is DanfoFrameLike {
  return (
    has(value, 'column', 'setIndex') &&
    ['columns', 'dtypes', 'index', 'shape'].every((name) =>
      Array.isArray((value as Record<string, unknown>)[name]),
    )
  )
}

/** Return why a value of a library is not a dataset, and what to do; nothing for all others. */
export function otherFrame(value: object): { readonly expected: string; readonly hint: string } | undefined {
  if (has(value, 'collect', 'sinkParquet'))
    return { expected: 'a data frame', hint: 'its rows are not computed; track the result of collect()' }
  if (has(value, 'toFrame', 'isNull', 'cast') || has(value, 'toFrame', 'describe'))
    return { expected: 'a data frame', hint: 'a series has no columns; track the result of toFrame()' }
  if (isArrowColumn(value))
    return { expected: 'a table', hint: 'a column has no name; make it a table: new Table({ name: vector })' }
  if (has(value, 'agg', 'groups') || has(value, 'isGrouped', 'groups'))
    return { expected: 'a data frame', hint: 'groups are not rows; track the frame that they were made of' }
  return undefined
}

/** Hash a data frame of nodejs-polars: it writes itself to a temporary file. */
export async function hashPolars(frame: PolarsFrameLike, options: MemoryTableOptions): Promise<TableHash> {
  const folder = await makeTemporary('lineaprint-')
  const path = join(folder.path, 'table.arrows')
  try {
    frame.writeIPCStream(path)
    const { path: _, ...hashed } = await hashTable(path, { ...options, format: 'arrow' })
    return hashed
  } finally {
    await folder.remove()
  }
}

/** Return a table of arquero: its rows as it shows them, without those that are filtered out and in its order. */
export function tableOfArquero(table: ArqueroTableLike): MemoryTable {
  const [rows, total] = [table.numRows(), table.totalRows()]
  const indices = table.isFiltered() || table.isOrdered() ? table.indices(true) : undefined
  let id = 0
  const columns = table.columnNames().map((name): ColumnSource => {
    const column = table.column(name)
    if (indices === undefined && isArrowColumn(column))
      return arrowColumn(name, column.type, column.data, total, () => id++)
    if (column.length < total) throw shorter(name, total, column.length)
    const given: object = column
    const at = isIndexed(given) ? (row: number) => given[row] : (row: number) => column.at(row)
    const values = dtypeOf(column) === undefined ? undefined : column
    return valueColumn(name, rows, indices === undefined ? at : (row) => at(indices[row] ?? 0), values)
  })
  return tableOfColumns(columns, rows)
}

function isIndexed(column: object): column is ArrayLike<unknown> {
  return Array.isArray(column) || dtypeOf(column) !== undefined
}

/**
 * Return a data frame of danfo. The types of its columns are those of the values: its dtypes are a guess. An index that is not
 * 0, 1, 2 and so on is a column.
 */
export function tableOfDanfo(frame: DanfoFrameLike): MemoryTable {
  const [rows = 0] = frame.shape
  const columns = frame.columns.map((given): ColumnSource => {
    const name = String(given)
    const { values } = frame.column(name)
    if (values.length !== rows) throw shorter(name, rows, values.length)
    return valueColumn(name, rows, (row) => values[row], values)
  })
  const { index } = frame
  if (index.length !== rows) throw shorter('index', rows, index.length)
  const isNumbered = index.every((label, row) => label === row)
  const labels = isNumbered ? [] : [valueColumn('__index_level_0__', rows, (row) => index[row])]
  return tableOfColumns([...columns, ...labels], rows)
}

function shorter(name: string, expected: number, received: number): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `column ${JSON.stringify(name)} has another length`, {
    field: name,
    expected: `${expected} rows`,
    received: `${received} rows`,
  })
}
