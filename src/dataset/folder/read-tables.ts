/** The tables of a folder: the one that all its table files are, or one for each split. */
import { join } from 'node:path'
import { LineaprintError } from '../../core/errors.ts'
import { NO_TABLE, describeTable } from '../describe-table.ts'
import { isTableFile, takesSchema } from '../table-names.ts'
import { nameList } from '../../util/name-list.ts'
import { layoutOf } from './layout.ts'
import { splitsDigest } from './splits-digest.ts'
import type { DatasetTable, ReadTableOptions } from '../describe-table.ts'
import type { ListedTree } from '../../hash/tree.ts'
import type { TableGroup } from './layout.ts'
import type { DatasetSplit, DatasetSplits } from './splits-digest.ts'

/** What a folder holds as tables. At most one of `table` and `splits` is present. */
export interface FolderTables {
  readonly table?: DatasetTable
  readonly splits?: DatasetSplits
  readonly warnings: readonly string[]
}

/**
 * Read the tables of a folder, by a second read of its table files.
 *
 * @param root The folder.
 * @param files Paths of its files below it.
 * @throws The errors of `hashTable`, except for files that are no tables of one schema: for those a warning says why
 * the folder has no table digest.
 */
export async function readFolderTables(
  root: string,
  files: Iterable<string>,
  options: ReadTableOptions,
): Promise<FolderTables> {
  const layout = layoutOf(files, options.schema === undefined ? isTableFile : takesSchema)
  if (layout.kind === 'none') return { warnings: [] }
  if (layout.kind === 'unclear') return { warnings: [`no table digest: ${layout.reason}`] }
  const warnings: string[] = []
  const splits: DatasetSplit[] = []
  for (const group of layout.groups) {
    // One after the other: each uses all threads.
    const read = await readGroup(root, group, options)
    warnings.push(...read.warnings)
    if (read.table === undefined) return { warnings }
    if (group.split === undefined) return { table: read.table, warnings }
    splits.push({ name: group.split, table: read.table })
  }
  return {
    splits: splitsDigest(splits, options.algorithm),
    warnings: [...warnings, ...schemaWarnings(splits)],
  }
}

async function readGroup(
  root: string,
  { split, files }: TableGroup,
  options: ReadTableOptions,
): Promise<{ readonly table?: DatasetTable; readonly warnings: readonly string[] }> {
  const paths = files.map((file) => join(root, file))
  const start = split === undefined ? '' : `split ${split}: `
  try {
    const { table, warnings } = await describeTable(paths, options)
    return { table, warnings: warnings.map((warning) => `${start}${warning}`) }
  } catch (error) {
    if (!LineaprintError.is(error) || !NO_TABLE.has(error.code)) throw error
    return { warnings: [`no table digest: ${start}${error.message}`] }
  }
}

/** Warn about splits whose columns are not those of the first. */
function schemaWarnings(splits: readonly DatasetSplit[]): string[] {
  const columnsOf = ({ table }: DatasetSplit): string =>
    JSON.stringify(table.columns.map(({ name, type }) => [name, type]))
  const [first, ...others] = splits
  if (first === undefined) return []
  const different = others.filter((split) => columnsOf(split) !== columnsOf(first)).map(({ name }) => name)
  if (different.length === 0) return []
  return [`the columns of ${nameList(different)} are not those of ${first.name}`]
}

/** Return the paths of the files of a folder. */
export function* pathsOf({ entries }: ListedTree): Iterable<string> {
  for (const { path, type } of entries()) if (type === 'file') yield path
}
