/** Differences between two tables, row by row. */
import { randomBytes } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { LineaprintError } from '../core/errors.ts'
import { checkKeys, checkPath, checkPaths } from '../core/options.ts'
import { runJob } from '../native/job.ts'
import { native } from '../native/load.ts'
import { inputError } from '../util/fs.ts'
import { TABLE_OPTIONS, tableRequest, toTable } from './table.ts'
import type { AlgorithmChoice } from '../core/digest.ts'
import type { NativeListedRow, NativeRowOutcome, NativeTable } from '../native/load.ts'
import type { TableHash, TableOptions } from './table.ts'

/** Options of a comparison of rows. */
export interface RowOptions {
  /**
   * Columns that identify a row in both tables. Without them, a row is known by all its cells. @default none
   */
  readonly key?: readonly string[] | undefined
  /** The number of rows that are listed with their cells. @default 0 */
  readonly rows?: number | undefined
  /**
   * A Parquet file to which all rows that differ are written: `change`, `row_before`, `row_after`, and each column of both
   * tables as `before.NAME` and `after.NAME`. Without rows that differ there is no file. @default none
   */
  readonly output?: string | undefined
}

/** A cell of a row that differs, as text. A null is `null`; absent if the table has no such row. */
export interface CellChange {
  readonly column: string
  readonly before?: string | null
  readonly after?: string | null
}

/** A row that differs. Rows are counted from 0. */
export interface RowChange {
  readonly status: 'added' | 'removed' | 'changed'
  /** The row of the first table; absent for an added row. */
  readonly before?: number
  /** The row of the second table; absent for a removed row. */
  readonly after?: number
  /** The cells of the key, if there is one. */
  readonly key?: readonly { readonly column: string; readonly value: string | null }[]
  /** The cells that differ, or all cells of an added or removed row. */
  readonly cells: readonly CellChange[]
}

/** The rows that differ between two tables. */
export interface ComparedRows {
  readonly status: 'compared'
  /** Columns that identify a row; none if all cells do. */
  readonly key: readonly string[]
  /** Rows of the second table alone; a row that occurs once more is one of them. */
  readonly added: number
  /** Rows of the first table alone. */
  readonly removed: number
  /** Rows of one key with other cells; without a key, a removed and an added row at one position. */
  readonly changed: number
  /**
   * True if the paired rows are in the same order. Of equal rows the first are paired: if others of them are left over, the
   * order may be the same although this is false.
   */
  readonly sameOrder: boolean
  /** Columns whose cells differ in changed rows, and in how many of the examined ones. */
  readonly columns: readonly { readonly name: string; readonly rows: number }[]
  /** Changed rows whose cells were compared: all of them, or the first million. */
  readonly examined: number
  /**
   * Number of keys that several rows of a table have; absent without a key. Of such a key, equal rows are paired, and the
   * others are added and removed.
   */
  readonly duplicateKeys?: { readonly before: number; readonly after: number }
  /** The first rows that differ, as many as were asked for. */
  readonly listed: readonly RowChange[]
}

/**
 * Return whether `sameOrder` says for certain what it says.
 *
 * If a table has more of some equal rows than the other one, it is a choice which of them are left over. Rows that are not
 * in the same order could be so after another choice.
 */
export function isOrderCertain({
  sameOrder,
  key,
  removed,
  added,
  changed,
  duplicateKeys,
}: ComparedRows): boolean {
  if (sameOrder) return true
  if (key.length === 0) return removed + added + changed === 0
  const { before = 0, after = 0 } = duplicateKeys ?? {}
  return before + after === 0 || removed + added === 0
}

/** The rows that differ, or the reason why that is not known. */
export type RowComparison = ComparedRows | { readonly status: 'not-checked'; readonly reason: string }

/** Two tables that were read together. */
export interface ReadTables {
  readonly before: TableHash
  readonly after: TableHash
  readonly rows: RowComparison
}

/**
 * Check the options of a comparison of rows.
 *
 * @throws ERR_LINEAPRINT_ARGUMENT for a value of another kind.
 */
export function checkRowOptions({ key = [], rows = 0, output }: RowOptions): void {
  if (!Array.isArray(key) || key.some((name) => typeof name !== 'string'))
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'the key is not a list of columns', {
      field: 'key',
      expected: 'names of columns',
      received: JSON.stringify(key),
    })
  if (!Number.isInteger(rows) || rows < 0 || rows > MAX_LISTED)
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'the number of rows is out of range', {
      field: 'rows',
      expected: `a whole number from 0 to ${MAX_LISTED}`,
      received: String(rows),
      hint: 'output writes all rows to a file',
    })
  if (output !== undefined) checkPath(output)
}

const MAX_LISTED = 100_000

/** A table in files: its path, or the paths of its files. */
export type TablePaths = string | readonly string[]

/**
 * Hash two tables and compare their rows, in one pass.
 *
 * @throws ERR_LINEAPRINT_ARGUMENT for a key that is no column, SPACE if there is no space for temporary files, and the
 * errors of `hashTable`.
 */
export async function readTables(
  before: TablePaths,
  after: TablePaths,
  options: TableOptions & RowOptions,
): Promise<ReadTables> {
  checkKeys(options, [...TABLE_OPTIONS, 'key', 'rows', 'output'])
  const { key = [], rows = 0, output } = options
  const wanted = { ...tableRequest(options), statistics: false }
  const [first, second] = [filesOf(before), filesOf(after)]
  if (output !== undefined) await refuseInput(output, [...first, ...second])
  const request = {
    key: [...key],
    secret: randomBytes(32),
    list: rows,
    ...(output !== undefined && { output }),
  }
  const outcome = await runJob(options, (job, threads) =>
    native.diffRows(
      job,
      { paths: first, options: wanted },
      { paths: second, options: wanted },
      request,
      threads,
    ),
  )
  if (typeof outcome.wrongKey === 'number') {
    const paths = outcome.wrongKey === 0 ? before : after
    throw keyError(key, outcome.columns ?? [], typeof paths === 'string' ? paths : paths[0])
  }
  return {
    before: readTable(before, outcome.before, wanted.algorithm),
    after: readTable(after, outcome.after, wanted.algorithm),
    rows: toComparison(outcome, key),
  }
}

function filesOf(paths: TablePaths): string[] {
  return typeof paths === 'string' ? [checkPath(paths)] : checkPaths(paths)
}

function readTable(
  paths: TablePaths,
  table: NativeTable | null | undefined,
  algorithm: AlgorithmChoice,
): TableHash {
  if (table === undefined || table === null)
    throw new LineaprintError('ERR_LINEAPRINT_INTERNAL', 'no digest was computed')
  const list = typeof paths === 'string' ? [paths] : paths
  return { ...(typeof paths === 'string' && { path: paths }), ...toTable(table, algorithm, false, list) }
}

function toComparison({ notCompared, difference }: NativeRowOutcome, key: readonly string[]): RowComparison {
  if (difference === undefined || difference === null)
    return { status: 'not-checked', reason: notCompared ?? 'the rows were not compared' }
  const { removed, added, changed, sameOrder, duplicateKeys, names, cells, examined, listed } = difference
  const [duplicatesBefore, duplicatesAfter] = duplicateKeys ?? []
  return {
    status: 'compared',
    key,
    added,
    removed,
    changed,
    sameOrder,
    columns: names.flatMap((name, index) => {
      const count = cells[index] ?? 0
      return count === 0 ? [] : [{ name, rows: count }]
    }),
    examined,
    ...(duplicatesBefore !== undefined &&
      duplicatesAfter !== undefined && {
        duplicateKeys: { before: duplicatesBefore, after: duplicatesAfter },
      }),
    listed: listed.map((row) => toRow(row, names, key)),
  }
}

/** Refuse to write over a file that is compared. */
async function refuseInput(output: string, files: readonly string[]): Promise<void> {
  const target = await stat(output, { bigint: true }).catch(() => undefined)
  if (target === undefined) return
  for (const path of files) {
    const { dev, ino } = await stat(path, { bigint: true }).catch((cause: unknown) => {
      throw inputError(path, 'stat', cause)
    })
    if (dev === target.dev && ino === target.ino)
      throw new LineaprintError(
        'ERR_LINEAPRINT_ARGUMENT',
        'the output would write over a table that is compared',
        {
          path: output,
          field: 'output',
          hint: 'name another file',
        },
      )
  }
}

/** Return the error of a key that does not name one column each of a table. */
function keyError(
  key: readonly string[],
  names: readonly string[],
  path: string | undefined,
): LineaprintError {
  const times = (name: string): number => names.filter((other) => other === name).length
  const name = key.find((each) => times(each) !== 1) ?? ''
  return new LineaprintError(
    'ERR_LINEAPRINT_ARGUMENT',
    times(name) === 0
      ? `the table has no column ${JSON.stringify(name)}`
      : `several columns are named ${JSON.stringify(name)}`,
    {
      path,
      field: 'key',
      expected: `one of ${names
        .slice(0, 20)
        .map((other) => JSON.stringify(other))
        .join(', ')}`,
      received: JSON.stringify(name),
    },
  )
}

function toRow(row: NativeListedRow, names: readonly string[], key: readonly string[]): RowChange {
  const { status, before, after, columns, cellsBefore, cellsAfter } = row
  return {
    status,
    ...(typeof before === 'number' && { before }),
    ...(typeof after === 'number' && { after }),
    ...(key.length > 0 && {
      key: key.map((column, index) => ({ column, value: row.key[index] ?? null })),
    }),
    cells: columns.map((column, index) => ({
      column: names[column] ?? '',
      ...(status !== 'added' && { before: cellsBefore[index] ?? null }),
      ...(status !== 'removed' && { after: cellsAfter[index] ?? null }),
    })),
  }
}
