/** Differences between two tables, column by column. */
import { isDeepStrictEqual } from 'node:util'
import { checkObject } from '../core/options.ts'
import { LineaprintError } from '../core/errors.ts'
import { BLOCK_ROWS, hashTable } from './table.ts'
import { checkRowOptions, readTables } from './table-rows.ts'
import type { Digest } from '../core/digest.ts'
import type { ReadTables, RowComparison, RowOptions, TablePaths } from './table-rows.ts'
import type { TableColumn, TableHash, TableOptions } from './table.ts'

/** Rows from `start` up to but not including `end`, counted from 0. */
export interface RowRange {
  readonly start: number
  readonly end: number
}

/** One column that differs. */
export interface ColumnChange {
  readonly status: 'added' | 'removed' | 'changed'
  readonly name: string
  /** Type in the first table. */
  readonly before?: string
  /** Type in the second table. */
  readonly after?: string
  /** The property that differs; only for a changed column. Values of two types are not compared. */
  readonly differs?: 'type' | 'values'
  /** Position of the first difference, to a block of 65,536 rows; only if values differ in rows of both. */
  readonly firstRows?: RowRange
  /** Number of blocks present in both that differ; only if values differ. */
  readonly changedBlocks?: number
}

/** One side of a comparison. */
export interface TableSide {
  /** Path as given; absent for bytes in memory. */
  readonly path?: string
  readonly format: string
  readonly digest: Digest
  readonly rows: number
  readonly columns: number
}

/** The result of {@link diffTables}. */
export interface TableDiff {
  readonly kind: 'table'
  /**
   * True if both are the same table: columns, types, rows and their order. The file format does not count.
   */
  readonly same: boolean
  readonly before: TableSide
  readonly after: TableSide
  /** True if the columns present in both have the same order. */
  readonly sameOrder: boolean
  /** In the order of the second table; removed columns last. */
  readonly columns: readonly ColumnChange[]
  readonly counts: Readonly<Record<ColumnChange['status'], number>>
  /** The rows that differ. */
  readonly rows: RowComparison
  readonly warnings: readonly string[]
}

/** The input of {@link diffTables}: a path, the bytes of a file, or a table that is already hashed. */
export type TableSource = Parameters<typeof hashTable>[0] | TableHash

/**
 * Compare two tables. Columns are matched by name; of several with one name the first is matched with the
 * first, and so on. Rows are compared if the tables are files and have the same columns.
 *
 * Cost: one read of both, in which what is equal in both is hashed once; nothing for tables that are already hashed. A
 * row that is not equal at its position is looked for in the same 65,536 rows of the other table. What is not there is
 * sorted by a hash: memory holds at most 192 MiB for that, and a temporary file the rest, 24 bytes for each such row. With
 * a key these are 40 bytes, and the key of every other row takes 16 bytes in the same memory and file. The cells of rows
 * that differ are read again where they are more than a few thousand.
 *
 * @param options Those of {@link hashTable}, for both; a schema applies to text formats only.
 * @throws The errors of {@link hashTable}; ERR_LINEAPRINT_INCOMPARABLE for tables hashed with different
 * algorithms.
 */
export async function diffTables(
  a: TableSource,
  b: TableSource,
  options: TableOptions & RowOptions = {},
): Promise<TableDiff> {
  checkObject(options)
  const { key, rows: list, output, ...tableOptions } = options
  checkRowOptions({ key, rows: list, output })
  if (options.unordered === true) {
    throw new LineaprintError(
      'ERR_LINEAPRINT_ARGUMENT',
      'tables with unordered rows cannot be compared by column',
      {
        field: 'unordered',
        hint: 'compare the digests of hashTable instead',
      },
    )
  }
  const { before, after, rows: compared } = await readBoth(a, b, { ...tableOptions, key, rows: list, output })
  const columns = diffColumns(before, after)
  const same = before.digest.equals(after.digest)
  const rows = same ? sameRows(key) : compared
  const counts = { added: 0, removed: 0, changed: 0 }
  for (const { status } of columns) counts[status]++
  const [first, second] = [before, after].map(keys)
  return {
    kind: 'table',
    same,
    before: side(before),
    after: side(after),
    sameOrder: isDeepStrictEqual(shared(first, second), shared(second, first)),
    columns,
    counts,
    rows,
    warnings: [...new Set([...before.warnings, ...after.warnings])],
  }
}

/** Return the comparison of the rows of equal tables. */
function sameRows(key: readonly string[] = []): RowComparison {
  return {
    status: 'compared',
    key,
    added: 0,
    removed: 0,
    changed: 0,
    sameOrder: true,
    columns: [],
    examined: 0,
    listed: [],
  }
}

/** Read both tables: together if both are files, so that their rows are compared. */
async function readBoth(
  a: TableSource,
  b: TableSource,
  options: TableOptions & RowOptions,
): Promise<ReadTables> {
  if (isPaths(a) && isPaths(b)) return readTables(a, b, options)
  const { key: _, rows: __, output: ___, ...tableOptions } = options
  return {
    before: await read(a, tableOptions),
    after: await read(b, tableOptions),
    rows: { status: 'not-checked', reason: 'rows are compared of files, not of digests or bytes in memory' },
  }
}

function isPaths(source: TableSource): source is TablePaths {
  return typeof source === 'string' || (Array.isArray(source) && source.length > 0)
}

/** Return the keys of the first that the second also has, in the order of the first. */
function shared(mine: readonly string[] = [], other: readonly string[] = []): string[] {
  const others = new Set(other)
  return mine.filter((key) => others.has(key))
}

async function read(source: TableSource, options: TableOptions): Promise<TableHash> {
  if (typeof source === 'object' && source !== null && 'columns' in source) return source
  return hashTable(source, options)
}

function side({ path, format, digest, rows, columns }: TableHash): TableSide {
  return { ...(path !== undefined && { path }), format, digest, rows, columns: columns.length }
}

/** Return a key for each column: its name and its rank among those of that name. */
function keys({ columns }: TableHash): string[] {
  const seen = new Map<string, number>()
  return columns.map(({ name }) => {
    const rank = seen.get(name) ?? 0
    seen.set(name, rank + 1)
    return `${rank} ${name}`
  })
}

function diffColumns(before: TableHash, after: TableHash): ColumnChange[] {
  const keysBefore = keys(before)
  const unmatched = new Map(keysBefore.map((key, index) => [key, before.columns[index]]))
  const changes: ColumnChange[] = []
  for (const [index, key] of keys(after).entries()) {
    const columnAfter = after.columns[index]
    const columnBefore = unmatched.get(key)
    unmatched.delete(key)
    if (columnAfter === undefined) continue
    if (columnBefore === undefined)
      changes.push({ status: 'added', name: columnAfter.name, after: columnAfter.type })
    else changes.push(...diffColumn(columnBefore, columnAfter, Math.min(before.rows, after.rows)))
  }
  for (const columnBefore of unmatched.values())
    if (columnBefore !== undefined)
      changes.push({ status: 'removed', name: columnBefore.name, before: columnBefore.type })
  return changes
}

function diffColumn(before: TableColumn, after: TableColumn, rows: number): ColumnChange[] {
  const change = { status: 'changed', name: after.name, before: before.type, after: after.type } as const
  if (before.type !== after.type) return [{ ...change, differs: 'type' }]
  const isSame =
    before.digest !== undefined && after.digest !== undefined && before.digest.equals(after.digest)
  if (isSame) return []
  const both = Math.ceil(rows / BLOCK_ROWS)
  const changed = after.blocks.slice(0, both).flatMap((block, index) => {
    const other = before.blocks[index]
    return other !== undefined && other.equals(block) ? [] : [index]
  })
  const [first] = changed
  const firstRows = first === undefined ? undefined : range(first, rows)
  return [{ ...change, differs: 'values', ...(firstRows && { firstRows }), changedBlocks: changed.length }]
}

function range(block: number, rows: number): RowRange {
  return { start: block * BLOCK_ROWS, end: Math.min((block + 1) * BLOCK_ROWS, rows) }
}
