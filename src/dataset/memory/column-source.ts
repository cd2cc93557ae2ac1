/** Tables whose columns are there as a whole: their rows are taken in ranges. */
import { setImmediate } from 'node:timers/promises'
import { LineaprintError } from '../../core/errors.ts'
import { dtypeOf } from '../../hash/array.ts'
import { CellProblem } from './cell.ts'
import { columnWriter } from './columns.ts'
import { TypeGuess, elementType } from './guess.ts'
import type { ArrowType } from './arrow-types.ts'
import type { ColumnData, RowBatch } from './arrow-stream.ts'
import type { MemoryTable } from './records.ts'

/** Rows of a table at most, as everywhere. */
const MAX_ROWS = 2 ** 40

/** Rows of one batch at most. */
const BATCH_ROWS = 65_536

/** Rows of one batch of values of JavaScript. */
const VALUE_ROWS = 16_384

/** A column of a table. */
export interface ColumnSource {
  readonly name: string
  readonly type: ArrowType
  /** Return how many rows can be taken from one on, up to a number. */
  most(start: number, limit: number): number
  take(start: number, count: number): ColumnData
}

/** Return the table with these columns, which all have a number of rows. */
export function tableOfColumns(columns: readonly ColumnSource[], rows: number): MemoryTable {
  if (!Number.isSafeInteger(rows) || rows < 0 || rows > MAX_ROWS) {
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'the table has an impossible number of rows', {
      expected: `a whole number up to ${MAX_ROWS}`,
      received: String(rows),
    })
  }
  const fields = columns.map(({ name, type }) => ({ name, type }))
  return { fields, batches: batchesOf(columns, rows) }
}

async function* batchesOf(columns: readonly ColumnSource[], rows: number): AsyncGenerator<RowBatch> {
  if (columns.length === 0 && rows > 0) {
    yield { rows, columns: [] }
    return
  }
  for (let start = 0; start < rows;) {
    const limit = Math.min(BATCH_ROWS, rows - start)
    const count = columns.reduce((most, column) => column.most(start, most), limit)
    if (!(count > 0)) {
      throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'the columns of the table have several lengths', {
        expected: `${rows} rows`,
        received: `${start} rows`,
      })
    }
    yield { rows: count, columns: columns.map((column) => column.take(start, count)) }
    start += count
    await setImmediate()
  }
}

/**
 * Return a column of values of JavaScript: those of a typed array have its type, others the one that they all are.
 *
 * @param get Return the value of a row.
 * @param values The typed array that holds them, if there is one.
 */
export function valueColumn(
  name: string,
  rows: number,
  get: (row: number) => unknown,
  values?: unknown,
): ColumnSource {
  const dtype = dtypeOf(values)
  const type = (dtype === undefined ? undefined : elementType(dtype)) ?? guessed(name, rows, get)
  const writer = columnWriter(type)
  return {
    name,
    type,
    most: (_start, limit) => Math.min(limit, VALUE_ROWS),
    take: (start, count) => {
      for (let row = start; row < start + count; row++) inCell(name, row, () => writer.append(get(row)))
      return writer.take()
    },
  }
}

function guessed(name: string, rows: number, get: (row: number) => unknown): ArrowType {
  const guess = new TypeGuess()
  for (let row = 0; row < rows; row++) inCell(name, row, () => guess.add(get(row)))
  return guess.type
}

function inCell(column: string, row: number, work: () => void): void {
  try {
    work()
  } catch (cause) {
    if (LineaprintError.is(cause)) throw cause
    const where = `column ${JSON.stringify(column)}, row ${row}`
    if (!(cause instanceof CellProblem)) {
      throw new LineaprintError('ERR_LINEAPRINT_UNREADABLE', `${where}: reading it has failed`, {
        field: column,
        received: cause instanceof Error ? cause.name : typeof cause,
        cause,
      })
    }
    const { message, expected, received, hint } = cause
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `${where}: ${message}`, {
      field: column,
      expected,
      received,
      hint: hint ?? 'convert the column so that all of its values have one type',
      cause,
    })
  }
}
