/** What differs between two folders, or two files, by their digests. */
import { statInput } from '../util/fs.ts'
import { LineaprintError } from '../core/errors.ts'
import { checkPath } from '../core/options.ts'
import { compareUtf8 } from '../util/text-order.ts'
import { hashFiles } from './file.ts'
import { hashTree } from './tree.ts'
import type { Digest } from '../core/digest.ts'
import type { FileHash } from './file.ts'
import type { TreeEntry, TreeHash, TreeOptions } from './tree.ts'

/** Options of {@link diffTrees}. */
export type TreeDiffOptions = Omit<TreeOptions, 'list'>

/** What became of an entry. `renamed`: its content is unchanged and stands under another path. */
export type TreeChangeStatus = 'added' | 'removed' | 'changed' | 'renamed'

/** One entry that differs. */
export interface TreeChange {
  readonly status: TreeChangeStatus
  /** Path below the root in the second folder; of a removed entry in the first. */
  readonly path: string
  /** Path in the first folder; only of a renamed entry. */
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

/** The answer of {@link diffTrees}. */
export interface TreeDiff {
  readonly kind: 'folder' | 'file'
  readonly same: boolean
  readonly before: TreeSide
  readonly after: TreeSide
  /** Sorted by path. Of two files: one entry without a path, or none. */
  readonly changes: readonly TreeChange[]
  readonly counts: Readonly<Record<TreeChangeStatus, number>>
  /** Sentences about paths that may surprise elsewhere. */
  readonly warnings: readonly string[]
}

/**
 * Compares two folders, or two files. Permissions, times and empty folders do not count, as in {@link hashTree}.
 * An empty file is never called renamed: all empty files are equal.
 *
 * Cost: one read of every file on both sides.
 *
 * @throws ERR_LINEAPRINT_ARGUMENT for a folder and a file, and what `hashTree` and `hashFile` throw.
 */
export async function diffTrees(a: string, b: string, options: TreeDiffOptions = {}): Promise<TreeDiff> {
  const [first, second] = [await isFolderInput(a), await isFolderInput(b)]
  if (first !== second) {
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'a folder and a file cannot be compared', {
      path: b,
      expected: first ? 'a folder' : 'a file',
      received: second ? 'a folder' : 'a file',
    })
  }
  return first ? diffFolders(a, b, options) : diffFiles(a, b, options)
}

async function isFolderInput(path: string): Promise<boolean> {
  return (await statInput(checkPath(path))).isDirectory()
}

async function diffFolders(a: string, b: string, options: TreeDiffOptions): Promise<TreeDiff> {
  const [before, after] = [
    await hashTree(a, { ...options, list: true }),
    await hashTree(b, { ...options, list: true }),
  ]
  const same = before.digest.equals(after.digest)
  return answer('folder', side(before), side(after), same ? [] : changesOf(before, after), [
    ...warningsOf(before),
    ...warningsOf(after),
  ])
}

async function diffFiles(a: string, b: string, options: TreeDiffOptions): Promise<TreeDiff> {
  // Options that are about folders mean nothing here, but a mistyped one is still refused.
  const { links: _links, ignore: _ignore, ignoreFiles: _files, includeSkipped: _skipped, ...shared } = options
  const [before, after] = (await hashFiles([a, b], shared)).map((outcome) => {
    if (outcome instanceof LineaprintError) throw outcome
    return outcome
  })
  if (before === undefined || after === undefined)
    throw new LineaprintError('ERR_LINEAPRINT_INTERNAL', 'no result', { path: a })
  const [was, is] = [entryOf(before), entryOf(after)]
  const changes: TreeChange[] = before.digest.equals(after.digest)
    ? []
    : [{ status: 'changed', path: '', before: was, after: is }]
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
  return warnings.map(({ kind, path }) => `${root}: ${path}: ${kind}`)
}

function changesOf(before: TreeHash, after: TreeHash): TreeChange[] {
  // By their bytes: two names that are not UTF-8 can look the same as text.
  const now = new Map((after.entries ?? []).map((entry) => [bytesKey(entry), entry]))
  const removed: TreeEntry[] = []
  const changes: TreeChange[] = []
  for (const entry of before.entries ?? []) {
    const other = now.get(bytesKey(entry))
    now.delete(bytesKey(entry))
    if (other === undefined) removed.push(entry)
    else if (contentKey(entry) !== contentKey(other))
      changes.push({ status: 'changed', path: entry.path, before: entry, after: other })
  }
  const { pairs, onlyBefore, onlyAfter } = matchRenames(removed, [...now.values()], {
    content: (entry) => (entry.type === 'file' && entry.size === 0 ? undefined : contentKey(entry)),
    lastName: ({ path }) => path.slice(path.lastIndexOf('/') + 1),
  })
  for (const [was, is] of pairs)
    changes.push({ status: 'renamed', path: is.path, from: was.path, before: was, after: is })
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

/** How things are told apart by {@link matchRenames}. */
export interface RenameRules<T> {
  /** Equal for equal content; `undefined` for content that says nothing, such as none at all. */
  readonly content: (item: T) => string | undefined
  /** The last part of the name: of several candidates, the one that keeps it is taken. */
  readonly lastName: (item: T) => string
}

/** What {@link matchRenames} found. */
export interface Renames<T> {
  readonly pairs: readonly (readonly [T, T])[]
  readonly onlyBefore: readonly T[]
  readonly onlyAfter: readonly T[]
}

/** Pairs what is gone with what is new and has equal content. Each is paired once, in the order given. */
export function matchRenames<T>(
  removed: readonly T[],
  added: readonly T[],
  { content, lastName }: RenameRules<T>,
): Renames<T> {
  const left = new Set(added)
  const pairs: (readonly [T, T])[] = []
  let unmatched = [...removed]
  // First those that kept the last part of their name, so that swaps among equals do not look like moves.
  for (const keyOf of [
    (item: T, key: string): string => `${key}\0${lastName(item)}`,
    (_: T, key: string): string => key,
  ]) {
    const candidates = new Map<string, T[]>()
    for (const item of left) {
      const key = content(item)
      if (key === undefined) continue
      const list = candidates.get(keyOf(item, key))
      if (list) list.push(item)
      else candidates.set(keyOf(item, key), [item])
    }
    // From the end, because taking from there costs nothing.
    for (const list of candidates.values()) list.reverse()
    unmatched = unmatched.filter((item) => {
      const key = content(item)
      const found = key === undefined ? undefined : candidates.get(keyOf(item, key))?.pop()
      if (found === undefined) return true
      left.delete(found)
      pairs.push([item, found])
      return false
    })
  }
  return { pairs, onlyBefore: unmatched, onlyAfter: [...left] }
}
