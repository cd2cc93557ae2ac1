/** The tables of a folder: the one that all its table files are, or one for each split. JSON lines are sequences. */
import { join } from 'node:path'
import { LineaprintError } from '../../core/errors.ts'
import { describeSequence } from '../describe-sequence.ts'
import { NO_TABLE, describeTable } from '../describe-table.ts'
import { findLeaks } from '../leaks.ts'
import { isSequenceFile, isTableFile, takesSchema } from '../table-names.ts'
import { nameList } from '../../util/name-list.ts'
import { declaredLayout, rowWarnings } from './hugging-face.ts'
import { layoutOf } from './layout.ts'
import { readShards, shardLayout } from './shards.ts'
import { splitsDigest } from './splits-digest.ts'
import { checkUnchanged } from './unchanged.ts'
import type { DatasetSequence } from '../describe-sequence.ts'
import type { DatasetTable, ReadTableOptions } from '../describe-table.ts'
import type { HashOptions } from '../../core/options.ts'
import type { ListedTree } from '../../hash/tree.ts'
import type { DeclaredLayout } from './hugging-face.ts'
import type { TableGroup } from './layout.ts'
import type { ShardLayout } from './shards.ts'
import type { DatasetSplit, DatasetSplits, SplitContent, SplitLeaks } from './splits-digest.ts'

/** The content of a folder. At most one of `table`, `sequence` and `splits` is present. */
export interface FolderTables {
  readonly table?: DatasetTable
  readonly sequence?: DatasetSequence
  readonly splits?: DatasetSplits
  readonly warnings: readonly string[]
}

/**
 * Read the tables of a folder, by a second read of its table files; where there are none, its JSON lines as sequences.
 *
 * @param root The folder.
 * @param read Its files, and when the read of them began, in milliseconds since the epoch.
 * @param countsLeaks True to count the rows that are in several splits.
 * @throws The errors of `hashTable`, except for files that are no tables of one schema: for those a warning says why
 * the folder has no table digest. ERR_LINEAPRINT_CHANGED for a file that changed after the folder was read.
 */
export async function readFolderTables(
  root: string,
  read: { readonly tree: ListedTree; readonly since: number },
  options: ReadTableOptions,
  countsLeaks: boolean,
): Promise<FolderTables> {
  const isTable = options.schema === undefined ? isTableFile : takesSchema
  const declared = await declaredLayout(root, () => pathsOf(read.tree), isTable)
  const tables = declared?.layout ?? layoutOf(pathsOf(read.tree), isTable)
  const isSequence = tables.kind === 'none' && options.schema === undefined
  const shards = isSequence ? shardLayout(() => pathsOf(read.tree)) : undefined
  if (shards !== undefined) return readShardFolders(root, read, shards, hashOptions(options))
  const layout = isSequence ? layoutOf(pathsOf(read.tree), isSequenceFile) : tables
  if (layout.kind === 'none') return { warnings: [] }
  if (layout.kind === 'unclear') return { warnings: [`${noDigest(isSequence)}: ${layout.reason}`] }
  const warnings: string[] = []
  const splits: DatasetSplit[] = []
  const files: Record<string, string[]> = {}
  for (const group of layout.groups) {
    // One after the other: each uses all threads.
    const { content, warnings: own } = await readGroup(root, group, isSequence, options)
    warnings.push(...own)
    if (content === undefined) return { warnings }
    await checkUnchanged(root, group.files, read, hashOptions(options))
    if (group.split === undefined)
      return { ...content, warnings: [...warnings, ...rowsDiffer(declared, [{ name: '', ...content }])] }
    splits.push({ name: group.split, ...content })
    files[group.split] = group.files.map((file) => join(root, file))
  }
  const { leaks, warnings: uncounted }: CountedLeaks = countsLeaks
    ? await leaksOf(files, isSequence, options)
    : { warnings: [] }
  // The rows were read once more.
  if (leaks !== undefined)
    for (const { files: own } of layout.groups) await checkUnchanged(root, own, read, hashOptions(options))
  return {
    splits: { ...splitsDigest(splits, options.algorithm), ...(leaks && { leaks }) },
    warnings: [...warnings, ...schemaWarnings(splits), ...rowsDiffer(declared, splits), ...uncounted],
  }
}

interface CountedLeaks {
  readonly leaks?: SplitLeaks
  readonly warnings: readonly string[]
}

/** Count the rows that are in several splits; a warning says why they were not counted. */
async function leaksOf(
  files: Readonly<Record<string, readonly string[]>>,
  isSequence: boolean,
  { unordered: _unordered, statistics: _statistics, algorithm: _algorithm, ...options }: ReadTableOptions,
): Promise<CountedLeaks> {
  const uncounted = 'the rows that are in several splits were not counted'
  if (isSequence) return { warnings: [`${uncounted}: the splits are not tables`] }
  try {
    const { splits, pairs } = await findLeaks(files, { ...options, examples: 0 })
    return { leaks: { splits, pairs }, warnings: [] }
  } catch (error) {
    if (!LineaprintError.is(error) || !NO_TABLE.has(error.code)) throw error
    return { warnings: [`${uncounted}: ${error.message}`] }
  }
}

/** Read the samples of shards of MosaicML: those of the folder, or of each split. */
async function readShardFolders(
  root: string,
  read: { readonly tree: ListedTree; readonly since: number },
  layout: ShardLayout,
  options: HashOptions,
): Promise<FolderTables> {
  if (layout.kind === 'unclear') return { warnings: [`${noDigest(true)}: ${layout.reason}`] }
  const paths = new Set(pathsOf(read.tree))
  const warnings: string[] = []
  const splits: DatasetSplit[] = []
  for (const { split, folder } of layout.folders) {
    try {
      const { sequence, files, warnings: own } = await readShards(root, folder, paths, options)
      await checkUnchanged(root, files, read, options)
      warnings.push(...own)
      if (split === undefined) return { sequence, warnings }
      splits.push({ name: split, sequence })
    } catch (error) {
      if (!LineaprintError.is(error) || !NO_TABLE.has(error.code)) throw error
      const start = split === undefined ? '' : `split ${split}: `
      return { warnings: [...warnings, `${noDigest(true)}: ${start}${error.message}`] }
    }
  }
  return { splits: splitsDigest(splits, options.algorithm), warnings }
}

/** Warn about tables with another number of rows than a description of the dataset declares. */
function rowsDiffer(declared: DeclaredLayout | undefined, splits: readonly DatasetSplit[]): string[] {
  if (declared === undefined) return []
  return rowWarnings(
    declared,
    splits.map(({ name, table, sequence }) => [name, table?.rows ?? sequence?.records ?? 0]),
  )
}

async function readGroup(
  root: string,
  { split, files }: TableGroup,
  isSequence: boolean,
  options: ReadTableOptions,
): Promise<{ readonly content?: SplitContent; readonly warnings: readonly string[] }> {
  const paths = files.map((file) => join(root, file))
  const start = split === undefined ? '' : `split ${split}: `
  try {
    const { warnings, ...content } = isSequence
      ? await describeSequence(paths, hashOptions(options))
      : await describeTable(paths, options)
    return { content, warnings: warnings.map((warning) => `${start}${warning}`) }
  } catch (error) {
    if (!LineaprintError.is(error) || !NO_TABLE.has(error.code)) throw error
    return { warnings: [`${noDigest(isSequence)}: ${start}${error.message}`] }
  }
}

/** Return the options of a hash without those of a table. */
function hashOptions({ algorithm, signal, onProgress, threads }: ReadTableOptions): HashOptions {
  return { algorithm, signal, onProgress, threads }
}

function noDigest(isSequence: boolean): string {
  return `no ${isSequence ? 'sequence' : 'table'} digest`
}

/** Warn about splits whose columns are not those of the first. */
function schemaWarnings(splits: readonly DatasetSplit[]): string[] {
  const [first, ...others] = splits
  if (first === undefined) return []
  const different = others.filter((split) => columnsOf(split) !== columnsOf(first)).map(({ name }) => name)
  if (different.length === 0) return []
  return [`the columns of ${nameList(different)} are not those of ${first.name}`]
}

/** Return the names and types of the columns of a split as text. */
function columnsOf({ table }: DatasetSplit): string {
  return JSON.stringify(table?.columns.map(({ name, type }) => [name, type]))
}

/** Return the paths of the files of a folder. */
function* pathsOf({ entries }: ListedTree): Iterable<string> {
  for (const { path, type } of entries()) if (type === 'file') yield path
}
