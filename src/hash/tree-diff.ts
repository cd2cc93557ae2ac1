/** Differences between two folders, or two files, by their digests. */
import { statInput } from '../util/fs.ts'
import { LineaprintError } from '../core/errors.ts'
import { checkObject, checkPath } from '../core/options.ts'
import { compareUtf8 } from '../util/text-order.ts'
import { WARNINGS } from './tree-warnings.ts'
import { hashArchive, isArchiveFile } from './archive.ts'
import { hashFiles } from './file.ts'
import { hashTree } from './tree.ts'
import type { Digest } from '../core/digest.ts'
import type { FileHash } from './file.ts'
import type { TreeEntry, TreeHash, TreeOptions } from './tree.ts'

/** Options of {@link diffTrees}. */
export type TreeDiffOptions = Omit<TreeOptions, 'list'>

/** The kind of change of an entry. `renamed`: the same content has another path. */
export type TreeChangeStatus = 'added' | 'removed' | 'changed' | 'renamed'

/** One entry that differs. */
export interface TreeChange {
  readonly status: TreeChangeStatus
  /** Path below the root in the second folder; for a removed entry, in the first. */
  readonly path: string
  /** Path in the first folder; only for a renamed entry. */
  readonly from?: string
  readonly before?: TreeEntry
  readonly after?: TreeEntry
}

/** One side of a comparison. */
export interface TreeSide {
  readonly path: string
  /** `tree` digest of a folder, plain digest of a file. */
  readonly digest: Digest
  readonly bytes: number
}

/** The result of {@link diffTrees}. */
export interface TreeDiff {
  readonly kind: 'folder' | 'file'
  readonly same: boolean
  readonly before: TreeSide
  readonly after: TreeSide
  /** Sorted by path. For two files: one entry without a path, or none. */
  readonly changes: readonly TreeChange[]
  readonly counts: Readonly<Record<TreeChangeStatus, number>>
  /** Sentences about paths that may behave differently on other systems. */
  readonly warnings: readonly string[]
}

/**
 * Compare two folders, or two files. An archive stands for the folder that it holds. Permissions, times and empty folders do not count, as in {@link
 * hashTree}. An empty file is never reported as renamed, since all empty files are equal.
 *
 * Cost: one read of every file on both sides.
 *
 * @throws ERR_LINEAPRINT_ARGUMENT for a folder and a file, and the errors of `hashTree` and `hashFile`.
 */
export async function diffTrees(a: string, b: string, options: TreeDiffOptions = {}): Promise<TreeDiff> {
  checkObject(options)
  const [first, second] = [await hasFiles(a, b), await hasFiles(b, a)]
  if (first !== second) {
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'a folder and a file cannot be compared', {
      path: b,
      expected: first ? 'a folder' : 'a file',
      received: second ? 'a folder' : 'a file',
    })
  }
  return first ? diffFolders(a, b, options) : diffFiles(a, b, options)
}

/** Check whether a path is a folder, or an archive beside another archive or a folder. */
async function hasFiles(path: string, other: string): Promise<boolean> {
  if (await isFolder(path)) return true
  return isArchiveFile(path) && (isArchiveFile(other) || (await isFolder(other)))
}

async function isFolder(path: string): Promise<boolean> {
  return (await statInput(checkPath(path))).isDirectory()
}

/** Hash a folder, or what is in an archive, of which no part can be left out. */
async function hashSide(path: string, options: TreeDiffOptions): Promise<TreeHash> {
  if (await isFolder(path)) return hashTree(path, { ...options, list: true })
  const {
    links: _links,
    ignore = [],
    ignoreFiles: _files,
    includeSkipped: _skipped,
    cache: _cache,
    ...shared
  } = options
  if (ignore.length > 0) {
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'patterns apply to folders, not to archives', {
      path,
      field: 'ignore',
    })
  }
  return hashArchive(path, { ...shared, list: true })
}

async function diffFolders(a: string, b: string, options: TreeDiffOptions): Promise<TreeDiff> {
  const [before, after] = [await hashSide(a, options), await hashSide(b, options)]
  const same = before.digest.equals(after.digest)
  return answer('folder', side(before), side(after), same ? [] : changesOf(before, after), [
    ...warningsOf(before),
    ...warningsOf(after),
  ])
}

async function diffFiles(a: string, b: string, options: TreeDiffOptions): Promise<TreeDiff> {
  // Options about folders have no effect on files, but a mistyped one is still refused.
  const { links: _links, ignore: _ignore, ignoreFiles: _files, includeSkipped: _skipped, ...shared } = options
  const [before, after] = (await hashFiles([a, b], shared)).map((outcome) => {
    if (outcome instanceof LineaprintError) throw outcome
    return outcome
  })
  if (before === undefined || after === undefined)
    throw new LineaprintError('ERR_LINEAPRINT_INTERNAL', 'no result', { path: a })
  const [entryBefore, entryAfter] = [entryOf(before), entryOf(after)]
  const changes: TreeChange[] = before.digest.equals(after.digest)
    ? []
    : [{ status: 'changed', path: '', before: entryBefore, after: entryAfter }]
  return answer('file', fileSide(before), fileSide(after), changes, [])
}

function answer(
  kind: TreeDiff['kind'],
  before: TreeSide,
  after: TreeSide,
  changes: readonly TreeChange[],
  warnings: readonly string[],
): TreeDiff {
  const counts = { added: 0, removed: 0, changed: 0, renamed: 0 }
  for (const { status } of changes) counts[status]++
  return { kind, same: changes.length === 0, before, after, changes, counts, warnings }
}

function side({ path, digest, bytes }: TreeHash): TreeSide {
  return { path, digest, bytes }
}

function fileSide({ path, digest, size }: FileHash): TreeSide {
  return { path, digest, bytes: size }
}

function entryOf({ size, digests }: FileHash): TreeEntry {
  return { path: '', pathBytes: new Uint8Array(), type: 'file', size, digests }
}

function warningsOf({ path: root, warnings }: TreeHash): string[] {
  return warnings.map(({ kind, path }) => `${root}: ${path}: ${WARNINGS[kind] ?? kind}`)
}

function changesOf(before: TreeHash, after: TreeHash): TreeChange[] {
  // Keyed by bytes: two names that are not UTF-8 can be equal as text.
  const unmatched = new Map((after.entries ?? []).map((entry) => [bytesKey(entry), entry]))
  const removed: TreeEntry[] = []
  const changes: TreeChange[] = []
  for (const entry of before.entries ?? []) {
    const other = unmatched.get(bytesKey(entry))
    unmatched.delete(bytesKey(entry))
    if (other === undefined) removed.push(entry)
    else if (contentKey(entry) !== contentKey(other))
      changes.push({ status: 'changed', path: entry.path, before: entry, after: other })
  }
  const { pairs, onlyBefore, onlyAfter } = matchRenames(removed, [...unmatched.values()], {
    content: (entry) => (entry.type === 'file' && entry.size === 0 ? undefined : contentKey(entry)),
    lastName: ({ path }) => path.slice(path.lastIndexOf('/') + 1),
  })
  for (const [first, second] of pairs)
    changes.push({ status: 'renamed', path: second.path, from: first.path, before: first, after: second })
  for (const entry of onlyBefore) changes.push({ status: 'removed', path: entry.path, before: entry })
  for (const entry of onlyAfter) changes.push({ status: 'added', path: entry.path, after: entry })
  return changes.toSorted((x, y) => compareUtf8(x.path, y.path))
}

function bytesKey({ pathBytes }: TreeEntry): string {
  return Buffer.from(pathBytes).toString('latin1')
}

function contentKey({ type, size, digests, target }: TreeEntry): string {
  return type === 'link'
    ? `link ${target ?? ''}`
    : `file ${size} ${digests.blake3?.hex ?? ''} ${digests.sha256?.hex ?? ''}`
}

/** The keys by which {@link matchRenames} pairs items. */
export interface RenameRules<T> {
  /**
   * Equal for equal content; `undefined` for content that does not identify an item, such as empty content.
   */
  readonly content: (item: T) => string | undefined
  /** The last segment of the name. Of several candidates, the one with the same segment is preferred. */
  readonly lastName: (item: T) => string
}

/** The result of {@link matchRenames}. */
export interface Renames<T> {
  readonly pairs: readonly (readonly [T, T])[]
  readonly onlyBefore: readonly T[]
  readonly onlyAfter: readonly T[]
}

/** Pair removed items with added items of equal content. Each is paired at most once, in the given order. */
export function matchRenames<T>(
  removed: readonly T[],
  added: readonly T[],
  { content, lastName }: RenameRules<T>,
): Renames<T> {
  const candidateItems = new Set(added)
  const pairs: (readonly [T, T])[] = []
  let unmatched = [...removed]
  // Match items with the same last segment first, so that swaps among equal items are not reported as moves.
  for (const keyOf of [
    (item: T, key: string): string => `${key}\0${lastName(item)}`,
    (_: T, key: string): string => key,
  ]) {
    const candidates = new Map<string, T[]>()
    for (const item of candidateItems) {
      const key = content(item)
      if (key === undefined) continue
      const list = candidates.get(keyOf(item, key))
      if (list) list.push(item)
      else candidates.set(keyOf(item, key), [item])
    }
    // Reversed, because `pop` takes from the end at no cost.
    for (const list of candidates.values()) list.reverse()
    unmatched = unmatched.filter((item) => {
      const key = content(item)
      const match = key === undefined ? undefined : candidates.get(keyOf(item, key))?.pop()
      if (match === undefined) return true
      candidateItems.delete(match)
      pairs.push([item, match])
      return false
    })
  }
  return { pairs, onlyBefore: unmatched, onlyAfter: [...candidateItems] }
}
