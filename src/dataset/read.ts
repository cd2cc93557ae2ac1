/**
 * Digests of datasets: a file, a folder, or an array in memory, and the table in a file that contains one.
 */
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { inputError } from '../util/fs.ts'
import { LineaprintError } from '../core/errors.ts'
import { isArchiveFile } from '../hash/archive.ts'
import { hashFile } from '../hash/file.ts'
import { hashListedTree, hashTree } from '../hash/tree.ts'
import { checkObject, checkPath } from '../core/options.ts'
import { WARNINGS } from '../hash/tree-warnings.ts'
import { disguiseOfFile, disguiseSentence, disguisedIn } from '../util/disguised.ts'
import { stampText } from '../util/file-stamp.ts'
import { NO_TABLE, describeTable } from './describe-table.ts'
import { describeArchive } from './describe-archive.ts'
import { describeSequence } from './describe-sequence.ts'
import { isSqliteFile } from './database-file.ts'
import { readMemory } from './memory/read.ts'
import { declaredTerms } from './folder/declared-terms.ts'
import { findingsOf } from './folder/findings.ts'
import { readFolderTables } from './folder/read-tables.ts'
import { checkStated } from './stated.ts'
import { isSequenceFile, isTableFile, takesSchema } from './table-names.ts'
import type { BigIntStats } from 'node:fs'
import type { Disguised } from '../util/disguised.ts'
import type { AlgorithmChoice, Digest, Digests } from '../core/digest.ts'
import type { ShapedArray, TypedArray } from '../hash/array.ts'
import type { HashOptions } from '../core/options.ts'
import type { SampledHashOptions } from '../hash/sample/options.ts'
import type { SampleReport } from '../hash/sample/report.ts'
import type { ListedTree, TreeHash } from '../hash/tree.ts'
import type { DatasetArchive } from './describe-archive.ts'
import type { DatasetSequence } from './describe-sequence.ts'
import type { DatasetTable, ReadTableOptions } from './describe-table.ts'
import type { DeclaredTerms } from './folder/declared-terms.ts'
import type { LabelCount } from './folder/findings.ts'
import type { DatasetSplits } from './folder/splits-digest.ts'
import type { NamedArray } from './memory/read.ts'
import type { StatedTerms } from './stated.ts'
import type { TableSchema, TextEncoding } from './table.ts'

/**
 * The source of {@link readDataset}: a path, or a value in memory of one of the forms of `docs/datasets.md`, "In memory". Objects
 * of libraries are recognised by their shape.
 */
export type DatasetSource = string | TypedArray | ShapedArray | object

/** Options of {@link readDataset}. */
export interface DatasetOptions<A extends AlgorithmChoice = AlgorithmChoice> extends SampledHashOptions<A> {
  /**
   * True to also digest the table in a file whose name ends in `.parquet`, `.arrow`, `.arrows`, `.feather`,
   * `.ipc` or `.csv`, and the one that all such files of a folder are, by a second read; not done for a sample.
   * @default true
   */
  readonly tables?: boolean | undefined
  /**
   * True for statistics of the columns of tables, to count labels of images, and to warn about copies and empty files;
   * only if `tables` is. @default true
   */
  readonly statistics?: boolean | undefined
  /**
   * True to count the rows that are in several splits of a folder whose splits are tables, by one more read of them; only
   * if `tables` is. @default false
   */
  readonly leaks?: boolean | undefined
  /** The types of the columns of CSV, JSON lines and records in memory. No other file has a table then. @default none */
  readonly schema?: TableSchema | undefined
  /** The character between cells of CSV. @default a tab if the name has `.tsv`, else a comma */
  readonly delimiter?: string | undefined
  /** The character around cells of CSV that hold delimiters; `''` if there is none. @default `"` */
  readonly quote?: string | undefined
  /** The encoding of CSV. @default `utf-8` */
  readonly encoding?: TextEncoding | undefined
  /** The name of the table in a SQLite database. @default its only table */
  readonly table?: string | undefined
  /** True if the rows may be in any order: tables have digests of the kind `table-unordered`. @default false */
  readonly unordered?: boolean | undefined
  /** The statements of the caller about the dataset, which the report repeats. @default none */
  readonly stated?: StatedTerms | undefined
}

/** A dataset. */
export interface DatasetReport<A extends AlgorithmChoice = AlgorithmChoice> {
  /** `memory` for everything in memory that is not one array. */
  readonly kind: 'file' | 'folder' | 'array' | 'memory'
  /** Absolute path; absent for what is in memory. */
  readonly path?: string
  /**
   * Plain digest of a file or a stream, `tree` of a folder, `tensor` of an array, `weights` of named arrays, and else that of the
   * table, sequence or splits in memory; `sampled` if only a part was read.
   */
  readonly digest: Digest
  readonly digests: Digests<A>
  /** Bytes of the content; of a table in memory, of the Arrow stream that it was read as. */
  readonly bytes: number
  /** Regular files; only for a folder. */
  readonly files?: number
  /** Folders that contain a file; only for a folder. */
  readonly folders?: number
  /** Element type; only for an array. */
  readonly dtype?: string
  /** Elements per axis; only for an array. */
  readonly shape?: readonly number[]
  /** The extent of the sample; only if one was requested. */
  readonly sample?: SampleReport
  /**
   * The table that the file contains, or that all table files of the folder are. A file with a table's name that is
   * not a table gets a warning instead, and so do files of a folder that are not one table.
   */
  readonly table?: DatasetTable
  /** The records of a file, or of all such files of a folder without tables; of lines not under a schema. */
  readonly sequence?: DatasetSequence
  /** The content of an archive. One that cannot be read gets a warning instead. */
  readonly archive?: DatasetArchive
  /** The number of images by label; only of a folder or archive whose images are all in folders of labels. */
  readonly labels?: readonly LabelCount[]
  /** The arrays of a group in memory, in the order of the bytes of their names. */
  readonly arrays?: readonly NamedArray[]
  /** One table or sequence for each split; only for a folder whose files name splits, and for a group in memory. */
  readonly splits?: DatasetSplits
  /** The licence and source that a file of a folder declares; absent if there is none. Nothing of it is checked. */
  readonly declared?: DeclaredTerms
  /** The statements of the caller. Nothing of them is checked, and no digest covers them. */
  readonly stated?: StatedTerms
  /** Files that are not what their names say, for example Git LFS pointers. Absent if none was recognised. */
  readonly disguised?: readonly Disguised[]
  readonly warnings: readonly string[]
}

/**
 * Digest a dataset, all of it unless `sample` asks for a part. Cost: one read; for a table two, and its
 * decoding.
 *
 * @param source A path, or a value in memory. Do not change it before the promise settles.
 * @throws ERR_LINEAPRINT_NOT_FOUND for a missing path, and the errors of `hashFile` and `hashTree`. For what is in memory,
 * ERR_LINEAPRINT_ARGUMENT for a value that is no dataset or has cells that no type holds exactly, UNREADABLE if a getter or a
 * stream fails, and CHANGED if a buffer is resized or transferred meanwhile.
 */
export async function readDataset<A extends AlgorithmChoice = 'blake3'>(
  source: DatasetSource,
  options: DatasetOptions<A> = {},
): Promise<DatasetReport<A>> {
  return readReport(source, options)
}

async function readReport(source: DatasetSource, options: DatasetOptions): Promise<DatasetReport> {
  checkObject(options)
  const { stated: given, ...others } = options
  const stated = checkStated(given)
  const { tree: _, ...report } = await readSource(source, others)
  return { ...report, ...(stated && { stated }) }
}

/** Part what is for tables from the options of every read. */
function splitOptions({
  tables = true,
  statistics = true,
  leaks = false,
  schema,
  delimiter,
  quote,
  encoding,
  table,
  unordered,
  ...options
}: DatasetOptions): {
  tables: boolean
  leaks: boolean
  tableOptions: Omit<ReadTableOptions, keyof HashOptions> & { statistics: boolean }
  options: Omit<
    DatasetOptions,
    'tables' | 'statistics' | 'leaks' | keyof Omit<ReadTableOptions, keyof HashOptions>
  >
} {
  const tableOptions = { schema, delimiter, quote, encoding, table, unordered, statistics }
  return { tables, leaks, tableOptions, options }
}

async function readSource(source: DatasetSource, given: DatasetOptions): Promise<ListedDataset> {
  checkObject(given)
  const { tables, leaks, tableOptions, options } = splitOptions(given)
  const { statistics } = tableOptions
  if (typeof source !== 'string') {
    const { schema, unordered } = tableOptions
    return readMemory(source, { ...options, schema, unordered, statistics })
  }
  const path = resolve(checkPath(source))
  const info = await statPath(path, source)
  if (!info.isDirectory()) {
    const { digest, digests, size, sample } = await hashFile(path, options)
    const disguise = await disguiseOfFile(path)
    const file = { kind: 'file', path, digest, digests, bytes: size } as const
    // Its bytes are not those of a table, even if its name is.
    if (disguise)
      return { ...file, ...(sample && { sample }), ...disguisedPart([{ path: '', ...disguise }], []) }
    if (sample) return { ...file, sample, warnings: [] }
    const { algorithm, signal, onProgress, threads } = options
    const content = tables
      ? await readRows(path, { algorithm, signal, onProgress, threads, ...tableOptions })
      : {}
    // If the file is written to between the two reads, its bytes and its rows belong to two states.
    if (
      ('table' in content || 'sequence' in content || 'archive' in content) &&
      stampText(info) !== stampText(await statPath(path, source))
    ) {
      throw new LineaprintError('ERR_LINEAPRINT_CHANGED', 'it changed while it was read', { path: source })
    }
    const findings = statistics && content.tree ? findingsOf(content.tree.entries()) : { warnings: [] }
    return {
      ...file,
      ...content,
      ...findings,
      warnings: [...(content.warnings ?? []), ...findings.warnings],
    }
  }
  if (!tables || options.sample !== undefined) return fromTree(path, await hashTree(path, options))
  return fromListedTree(path, options, { ...tableOptions, leaks })
}

/** Digest a folder, the tables that its files are, and list its files. */
async function fromListedTree(
  path: string,
  options: HashOptions,
  { leaks, ...tableOptions }: Omit<ReadTableOptions, keyof HashOptions> & { readonly leaks: boolean },
): Promise<ListedDataset> {
  const { algorithm, signal, onProgress, threads } = options
  const since = Date.now()
  const tree = await hashListedTree(path, options)
  const listed = await fromTree(path, tree.tree)
  const findings = tableOptions.statistics === true ? findingsOf(tree.entries()) : { warnings: [] }
  const { terms, warnings: unread } = await declaredTerms(path, pathsOf(tree))
  const report = {
    ...listed,
    ...findings,
    ...(terms && { declared: terms }),
    warnings: [...listed.warnings, ...findings.warnings, ...unread],
  }
  // A pointer has the name of a table; the warning about it says why there is none.
  if (report.disguised?.some(({ path: file }) => isTableFile(file) || isSequenceFile(file)) === true)
    return { ...report, tree }
  const { warnings, ...content } = await readFolderTables(
    path,
    { tree, since },
    { ...tableOptions, algorithm, signal, onProgress, threads },
    leaks,
  )
  return { ...report, ...content, warnings: [...report.warnings, ...warnings], tree }
}

/** Return the paths of the files of a folder. */
function* pathsOf({ entries }: ListedTree): Iterable<string> {
  for (const { path, type } of entries()) if (type === 'file') yield path
}

async function fromTree(path: string, tree: TreeHash): Promise<DatasetReport> {
  const { digest, digests, bytes, files, folders, sample, warnings } = tree
  const sentences = warnings.map(({ kind, path: at }) => `${at}: ${WARNINGS[kind]}`)
  const totals = { bytes, files, folders, ...(sample && { sample }) }
  const disguised = await disguisedIn(path)
  return { kind: 'folder', path, digest, digests, ...totals, ...disguisedPart(disguised, sentences) }
}

/** Return the fields about disguised files; a warning names the first of them. */
function disguisedPart(
  disguised: readonly Disguised[],
  warnings: readonly string[],
): Pick<DatasetReport, 'disguised' | 'warnings'> {
  const [first] = disguised
  if (first === undefined) return { warnings }
  const more = disguised.length > 1 ? ` (and ${disguised.length - 1} more such files)` : ''
  return { disguised, warnings: [...warnings, `${disguiseSentence(first)}${more}`] }
}

/** A dataset, and its files if it is a folder or an archive. */
export interface ListedDataset extends DatasetReport {
  /** The files of a folder or archive that was read in full. */
  readonly tree?: ListedTree
}

/** Digest a dataset as {@link readDataset} does, and list the files of a folder in the same read. */
export async function readListedDataset(
  source: DatasetSource,
  { stated: given, ...options }: DatasetOptions = {},
): Promise<ListedDataset> {
  const stated = checkStated(given)
  return { ...(await readListed(source, options)), ...(stated && { stated }) }
}

async function readListed(source: DatasetSource, options: DatasetOptions): Promise<ListedDataset> {
  if (typeof source !== 'string' || options.sample !== undefined) return readSource(source, options)
  const path = resolve(checkPath(source))
  if (!(await statPath(path, source)).isDirectory()) return readSource(source, options)
  const { tables, leaks, tableOptions, options: rest } = splitOptions(options)
  const { sample: _, ...folderOptions } = rest
  if (tables) return fromListedTree(path, folderOptions, { ...tableOptions, leaks })
  const tree = await hashListedTree(path, folderOptions)
  return { ...(await fromTree(path, tree.tree)), tree }
}

function statPath(path: string, given: string): Promise<BigIntStats> {
  return stat(path, { bigint: true }).catch((cause: unknown) => {
    throw inputError(given, 'stat', cause)
  })
}

/** Read the table, the records or the members of a file by its name. */
async function readRows(
  path: string,
  given: ReadTableOptions,
): Promise<Partial<Pick<ListedDataset, 'table' | 'sequence' | 'archive' | 'tree' | 'warnings'>>> {
  const { algorithm, signal, onProgress, threads, schema, table } = given
  const options = { algorithm, signal, onProgress, threads }
  const isDatabase = table !== undefined || (await isSqliteFile(path))
  const isTable = isDatabase || (schema === undefined ? isTableFile(path) : takesSchema(path))
  const isArchive = isArchiveFile(path)
  const isSequence = schema === undefined && isSequenceFile(path)
  try {
    if (isArchive) return await describeArchive(path, options)
    if (isTable) return await describeTable(path, given)
    return isSequence ? await describeSequence(path, options) : {}
  } catch (error) {
    if (!LineaprintError.is(error) || !NO_TABLE.has(error.code)) throw error
    const kind = isArchive ? 'archive' : isTable ? 'table' : 'sequence'
    return { warnings: [`no ${kind} digest: ${error.message}`] }
  }
}
