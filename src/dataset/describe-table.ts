/** The table in one file or several, as the report of a dataset shows it. */
import { hashTable } from './table.ts'
import type { Digest, Digests } from '../core/digest.ts'
import type { HashOptions } from '../core/options.ts'
import type { ColumnStatistics } from './statistics.ts'
import type { TableFormat, TableHash, TableSchema, TextEncoding } from './table.ts'

/** The table in a file, or in all table files of a folder, whatever their bytes. */
export interface DatasetTable {
  readonly format: TableFormat
  /** Digest of kind `table`, or `table-unordered`; for CSV without a schema, with every cell as text. */
  readonly digest: Digest
  readonly digests: Digests
  readonly rows: number
  /**
   * Names, types as spelled in `docs/format.md`, and the `table` digest of each column alone; that digest is absent
   * if the rows may be in any order. Statistics are absent if they are switched off.
   */
  readonly columns: readonly DatasetColumn[]
  /** The name of the table in a database, if it was chosen by its name. */
  readonly name?: string
  /** Number of files that hold the rows; absent for a single file. */
  readonly files?: number
}

/** A column of the table of a dataset. */
export interface DatasetColumn {
  readonly name: string
  readonly type: string
  readonly digest?: Digest
  readonly statistics?: ColumnStatistics
}

/** Options of a table. */
export interface ReadTableOptions extends HashOptions {
  readonly schema?: TableSchema | undefined
  readonly delimiter?: string | undefined
  readonly quote?: string | undefined
  readonly encoding?: TextEncoding | undefined
  readonly table?: string | undefined
  readonly unordered?: boolean | undefined
  readonly statistics?: boolean | undefined
}

/** Error codes of a file that has the name of a table or archive but is none, or not a supported one. */
export const NO_TABLE: ReadonlySet<string> = new Set([
  'ERR_LINEAPRINT_FORMAT',
  'ERR_LINEAPRINT_UNSUPPORTED',
  // A link inside of an archive that leaves it.
  'ERR_LINEAPRINT_LINK',
])

/** Hash the table whose rows are those of the files, and return what a report shows of it. */
export async function describeTable(
  source: string | readonly string[],
  options: ReadTableOptions,
): Promise<{ readonly table: DatasetTable; readonly warnings: readonly string[] }> {
  const { table, warnings } = datasetTable(await hashTable(source, options))
  const files = typeof source === 'string' ? {} : { files: source.length }
  const { table: name } = options
  return { table: { ...(name !== undefined && { name }), ...table, ...files }, warnings }
}

/** Return what a report shows of a hashed table. */
export function datasetTable({ format, digest, digests, rows, columns, warnings }: TableHash): {
  readonly table: DatasetTable
  readonly warnings: readonly string[]
} {
  const described = columns.map(({ name, type, digest: own, statistics }): DatasetColumn => ({
    name,
    type,
    ...(own && { digest: own }),
    ...(statistics && { statistics }),
  }))
  return { table: { format, digest, digests, rows, columns: described }, warnings }
}
