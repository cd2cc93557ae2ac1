/** Digests of tables: the same columns and rows, whatever the file format. */
import { runJob } from '../native/job.ts'
import { Digest, primary, toDigests } from '../core/digest.ts'
import { LineaprintError } from '../core/errors.ts'
import { asBytes } from '../hash/bytes.ts'
import { native } from '../native/load.ts'
import { checkAlgorithm, checkChoice, checkKeys, checkPath, checkPaths } from '../core/options.ts'
import { lineEndWarnings } from './line-ends.ts'
import { toStatistics } from './statistics.ts'
import type { AlgorithmChoice, Digests, RawDigests } from '../core/digest.ts'
import type { NativeTable } from '../native/load.ts'
import type { HashOptions } from '../core/options.ts'
import type { ColumnStatistics } from './statistics.ts'

/** Supported encodings of CSV. `utf-16` has a byte order mark; `latin1` is ISO 8859-1. */
export const TEXT_ENCODINGS = ['utf-8', 'utf-16', 'utf-16le', 'utf-16be', 'latin1', 'windows-1252'] as const

/** One of {@link TEXT_ENCODINGS}. */
export type TextEncoding = (typeof TEXT_ENCODINGS)[number]

/** Supported table formats. `arrow` is Arrow IPC: files (Feather version 2) and streams. */
export const TABLE_FORMATS = ['parquet', 'arrow', 'csv', 'jsonl', 'sqlite'] as const

/** One of {@link TABLE_FORMATS}. */
export type TableFormat = (typeof TABLE_FORMATS)[number]

/**
 * Names of columns with their types as spelled in `docs/format.md`, for example `timestamp(us,UTC)`: an object, or pairs.
 * The order is that of the columns. JavaScript puts names that are integers first in an object, so they need pairs.
 */
export type TableSchema =
  Readonly<Record<string, string>> | readonly (readonly [name: string, type: string])[]

/** Options of {@link hashTable}. */
export interface TableOptions<A extends AlgorithmChoice = AlgorithmChoice> extends HashOptions<A> {
  /** The format. @default detected from the first bytes, else from the file name */
  readonly format?: TableFormat | undefined
  /**
   * The types of the columns of CSV or JSON lines, so that the table equals Parquet of the same types. For
   * JSON lines it is required, and gives the columns and their order. Of a SQLite table it gives those columns another
   * type than the declared one. @default every cell of CSV is text
   */
  readonly schema?: TableSchema | undefined
  /** The character between cells of CSV. @default a tab if the file name has `.tsv`, else a comma */
  readonly delimiter?: string | undefined
  /** The character around cells of CSV that hold delimiters; `''` if there is none. @default `"` */
  readonly quote?: string | undefined
  /** The encoding of CSV. Bytes that are none of its characters are an error. @default `utf-8` */
  readonly encoding?: TextEncoding | undefined
  /** The name of the table in a SQLite database. @default its only table */
  readonly table?: string | undefined
  /**
   * True if the rows may be in any order: the digest is then of the kind `table-unordered`. @default false
   */
  readonly unordered?: boolean | undefined
  /** True for statistics of the columns, in the same read. @default false */
  readonly statistics?: boolean | undefined
}

/** A column of a table. */
export interface TableColumn {
  /** Name as the file spells it; names can occur twice. */
  readonly name: string
  /** Type as spelled in `docs/format.md`. */
  readonly type: string
  /** The `table` digest of this column as a table of its own; absent if `unordered` is set. */
  readonly digest?: Digest
  /** Plain digests of its blocks of 65,536 rows each; none if `unordered` is set. */
  readonly blocks: readonly Digest[]
  /** Statistics of its values; absent unless `statistics` is set. */
  readonly statistics?: ColumnStatistics
}

/** The source of {@link hashTable}: a path, the paths of files that are one table, or the bytes of a file. */
export type TableSource = string | readonly string[] | ArrayBufferLike | ArrayBufferView

/** A hashed table. */
export interface TableHash<A extends AlgorithmChoice = AlgorithmChoice> {
  /** Path as given; absent for bytes in memory and for several files. */
  readonly path?: string
  readonly format: TableFormat
  /** `table`, or `table-unordered`; BLAKE3 if both were requested. */
  readonly digest: Digest
  readonly digests: Digests<A>
  /** Bytes of the file. */
  readonly bytes: number
  readonly rows: number
  /** In the order of the table, which counts. */
  readonly columns: readonly TableColumn[]
  /** Findings that are not errors, one sentence each. */
  readonly warnings: readonly string[]
}

/** Rows of a block: the unit in which columns are hashed. */
export const BLOCK_ROWS = 65_536

/**
 * Hash the columns and rows of a table: names, types, values and their order count; row groups, batches,
 * compression and dictionaries do not.
 *
 * Cost: one read, and the decoding of every value on all threads; blocks of byte strings over 64 MiB in
 * Parquet are read twice. Besides the digests, memory holds for each thread one block (65,536 rows) of one
 * column of Parquet, two batches of Arrow, or two blocks of text. With `unordered` it also holds 32 bytes for
 * each row, and most of the time goes into the hash of each row.
 *
 * @param source A path; several paths of one format and the same columns, whose rows follow each other in the order
 * given and which are all open at once; or the bytes of a file in memory (for an `apache-arrow` table, the result of
 * `tableToIPC`), which are copied.
 * @throws ERR_LINEAPRINT_FORMAT if it breaks the rules of its format or a cell is not of its declared type;
 * UNSUPPORTED for known but unsupported formats; and the errors of `hashFile`.
 */
export async function hashTable<A extends AlgorithmChoice = 'blake3'>(
  source: TableSource,
  options: TableOptions<A> = {},
): Promise<TableHash<A>> {
  return hashSource(source, options)
}

/** Names of the options of a table. */
export const TABLE_OPTIONS = [
  'format',
  'schema',
  'delimiter',
  'quote',
  'encoding',
  'table',
  'unordered',
  'statistics',
] as const

async function hashSource(source: TableSource, options: TableOptions): Promise<TableHash> {
  checkKeys(options, TABLE_OPTIONS)
  const wanted = tableRequest(options)
  const { algorithm } = wanted
  const input = inputOf(source)
  const table =
    'bytes' in input
      ? await runJob(options, (job, threads) =>
          native.hashTableBytes(job, asBytes(input.bytes), wanted, threads),
        )
      : await runJob(options, (job, threads) => native.hashTable(job, input.files, wanted, threads))
  return {
    ...(typeof source === 'string' && { path: source }),
    ...toTable(table, algorithm, wanted.unordered, 'files' in input ? input.files : []),
  }
}

/** Check the options of a table, and return them as the addon takes them. */
export function tableRequest(options: TableOptions): {
  readonly algorithm: AlgorithmChoice
  readonly format?: TableFormat
  readonly schema?: string[]
  readonly delimiter?: string
  readonly quote?: string
  readonly encoding?: TextEncoding
  readonly table?: string
  readonly unordered: boolean
  readonly statistics: boolean
} {
  return {
    algorithm: checkAlgorithm(options.algorithm),
    ...(options.format !== undefined && { format: checkChoice('format', options.format, TABLE_FORMATS) }),
    ...(options.schema !== undefined && { schema: checkSchema(options.schema) }),
    ...dialectOf(options),
    ...(options.encoding !== undefined && {
      encoding: checkChoice('encoding', options.encoding, TEXT_ENCODINGS),
    }),
    ...(options.table !== undefined && { table: checkTableName(options.table) }),
    unordered: options.unordered === true,
    statistics: options.statistics === true,
  }
}

/** Check the characters of CSV. */
function dialectOf({ delimiter, quote }: TableOptions): { delimiter?: string; quote?: string } {
  for (const [field, value] of Object.entries({ delimiter, quote })) {
    if (value === undefined || (field === 'quote' && value === '')) continue
    if (typeof value === 'string' && /^[^\0\r\n\u0080-\uffff]$/.test(value)) continue
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `this is no ${field} of CSV`, {
      field,
      expected: 'one ASCII character that ends no line',
      received: JSON.stringify(value),
    })
  }
  if (delimiter !== undefined && delimiter === (quote ?? '"')) {
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'the delimiter and the quote are one character', {
      field: 'delimiter',
      received: JSON.stringify(delimiter),
    })
  }
  return { ...(delimiter !== undefined && { delimiter }), ...(quote !== undefined && { quote }) }
}

function checkTableName(table: unknown): string {
  if (typeof table === 'string') return table
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'this is not the name of a table', {
    field: 'table',
    expected: 'text',
    received: typeof table,
  })
}

/** Return the files or the bytes that a source is. */
function inputOf(
  source: TableSource,
): { readonly files: string[] } | { readonly bytes: ArrayBufferLike | ArrayBufferView } {
  if (typeof source === 'string') return { files: [checkPath(source)] }
  if (!isPaths(source)) return { bytes: source }
  if (source.length > 0) return { files: checkPaths(source) }
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'a table needs a file', {
    field: 'source',
    expected: 'at least one path',
    received: 'none',
  })
}

function isPaths(source: TableSource): source is readonly string[] {
  return Array.isArray(source)
}

/** Check each type, and return names and types alternately. */
export function checkSchema(schema: TableSchema): string[] {
  if (typeof schema !== 'object' || schema === null) throw schemaError(String(schema))
  const pairs: readonly (readonly [string, string])[] = isPairs(schema) ? schema : Object.entries(schema)
  if (pairs.length === 0) throw schemaError('no columns')
  return pairs.flatMap(([name, spelling]) => {
    if (typeof spelling !== 'string') throw schemaError(`${typeof spelling} for ${JSON.stringify(name)}`)
    // In the addon they are UTF-8, in which halves of surrogate pairs would all be the same character.
    if (!name.isWellFormed() || !spelling.isWellFormed())
      throw schemaError(`${JSON.stringify(name)}: ${JSON.stringify(spelling)}, which is not Unicode`)
    const failure = native.checkColumnType(spelling)
    if (failure === null || failure === undefined) return [name, spelling]
    const { message, expected, received } = failure
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `column ${JSON.stringify(name)}: ${message}`, {
      field: `schema.${name}`,
      expected,
      received,
    })
  })
}

function isPairs(schema: TableSchema): schema is readonly (readonly [string, string])[] {
  return Array.isArray(schema)
}

function schemaError(received: string): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'this is not a schema', {
    field: 'schema',
    expected: 'an object from column names to types, for example { id: "int64" }, or pairs of them',
    received,
  })
}

/** Return a hashed table as the addon gives it. @param paths Its files; empty for what is in memory. */
export function toTable(
  table: NativeTable,
  algorithm: AlgorithmChoice,
  unordered: boolean,
  paths: readonly string[],
): TableHash {
  const digests = toDigests(table.digests, unordered ? 'table-unordered' : 'table')
  const count = Math.ceil(table.rows / BLOCK_ROWS)
  const { columns: own } = table
  const columns = table.names.map((name, index): TableColumn => {
    const type = table.types[index] ?? ''
    const figures = table.statistics?.[index]
    const statistics = figures && { statistics: toStatistics(figures, type) }
    if (own === undefined) return { name, type, blocks: [], ...statistics }
    const digest = primary(toDigests(own.digests, 'table', index))
    const blocks = Array.from({ length: count }, (_, block) =>
      blockDigest(own.blocks, algorithm, index * count + block),
    )
    return { name, type, digest, blocks, ...statistics }
  })
  return {
    format: table.format,
    digest: primary(digests),
    digests,
    bytes: table.size,
    rows: table.rows,
    columns,
    warnings: [...warningsOf(table), ...lineEndWarnings(table.mixedLineEnds, paths)],
  }
}

function blockDigest(raw: RawDigests, algorithm: AlgorithmChoice, index: number): Digest {
  const name = algorithm === 'sha256' ? 'sha256' : 'blake3'
  const bytes = raw[name]?.subarray(index * 32, index * 32 + 32)
  if (bytes === undefined) throw new LineaprintError('ERR_LINEAPRINT_INTERNAL', 'no digest was computed')
  return new Digest(name, bytes)
}

function warningsOf({ names }: NativeTable): string[] {
  const [seen, twice] = [new Set<string>(), new Set<string>()]
  for (const name of names) (seen.has(name) ? twice : seen).add(name)
  return [...twice].map(
    (name) => `several columns are named ${JSON.stringify(name)}; they are compared in order`,
  )
}
