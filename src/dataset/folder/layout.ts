/** The tables of a folder, found by the names of its files alone. */
import { compareNatural } from './natural-order.ts'
import { splitOfPath } from './splits.ts'
import { nameList } from '../../util/name-list.ts'

/** Files that are one table, in the order of their rows. */
export interface TableGroup {
  /** Name of the split; absent if the files name none. */
  readonly split?: string
  /** Paths below the folder, in natural order. */
  readonly files: readonly string[]
}

/** The layout of a folder. */
export type FolderLayout =
  | { readonly kind: 'none' }
  | { readonly kind: 'tables'; readonly groups: readonly TableGroup[] }
  /** There are table files, but which rows belong to the table cannot be told from them alone. */
  | { readonly kind: 'unclear'; readonly reason: string }

/** Table formats that keep a log beside their files: a file can be there and be no part of the table. */
const LOGS: readonly { readonly pattern: RegExp; readonly name: string }[] = [
  { pattern: /(?:^|\/)_delta_log\//, name: 'a Delta table' },
  { pattern: /(?:^|\/)metadata\/[^/]*\.metadata\.json(?:\.gz)?$/, name: 'an Iceberg table' },
  { pattern: /(?:^|\/)_versions\/[^/]*\.manifest$/, name: 'a Lance dataset' },
  { pattern: /(?:^|\/)\.hoodie\//, name: 'a Hudi table' },
]

/** Find the tables of a folder. */
export function layoutOf(paths: Iterable<string>, isTable: (path: string) => boolean): FolderLayout {
  const tables: string[] = []
  let log: string | undefined
  for (const path of paths) {
    log ??= LOGS.find(({ pattern }) => pattern.test(path))?.name
    // Hadoop, Spark and their kind write such names beside the data.
    const isHidden = path.split('/').some((segment) => /^[._]/.test(segment))
    if (!isHidden && isTable(path)) tables.push(path)
  }
  if (tables.length === 0) return { kind: 'none' }
  if (log !== undefined) {
    return { kind: 'unclear', reason: `the folder is ${log}: its log decides which files belong to it` }
  }
  const keyed = tables.find((path) => /(?:^|\/)[^/=]+=[^/]*\//.test(path))
  if (keyed !== undefined) {
    return { kind: 'unclear', reason: `names of folders hold values of columns, for example ${keyed}` }
  }
  return grouped(tables.toSorted(compareNatural))
}

function grouped(paths: readonly string[]): FolderLayout {
  const groups = new Map<string | undefined, string[]>()
  for (const path of paths) {
    const split = splitOfPath(path)
    if (split.kind === 'several') {
      return { kind: 'unclear', reason: `${path} names several splits: ${nameList(split.names)}` }
    }
    const name = split.kind === 'one' ? split.name : undefined
    const group = groups.get(name)
    if (group === undefined) groups.set(name, [path])
    else group.push(path)
  }
  const unnamed = groups.get(undefined)
  if (unnamed !== undefined && groups.size > 1) {
    const reason = `some files name a split and others do not, for example ${unnamed[0]}`
    return { kind: 'unclear', reason }
  }
  return {
    kind: 'tables',
    groups: [...groups].map(([split, files]) => (split === undefined ? { files } : { split, files })),
  }
}
