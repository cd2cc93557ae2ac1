/** Comparison of two folders by the lists of their files. */
import { escapeBytes } from '../capture/git/paths.ts'
import { bytesOf, keyOf } from '../manifest/names.ts'
import { plural } from '../util/plural.ts'
import { pathMatcher } from '../util/path-pattern.ts'
import { VOLATILE_FILES, VOLATILE_NAMES } from './volatile-files.ts'
import type { Difference } from '../core/component.ts'
import type { Digests } from '../core/digest.ts'
import type { ManifestEntry } from '../manifest/document.ts'
import type { FileList } from '../record/file-list.ts'
import type { StableFields } from '../record/tracked.ts'
import type { PathMatcher } from '../util/path-pattern.ts'

/** A file that differs, is new (no `before`), or is gone (no `after`). */
export interface FileChange {
  /** Path below the folder; `\xNN` represents a byte that is not UTF-8. */
  readonly path: string
  /** Its path in the other folder, if the two differ in a time. */
  readonly pathAfter?: string
  readonly before?: ManifestEntry
  readonly after?: ManifestEntry
}

/** The files in which two folders differ. */
export interface FileChanges {
  readonly changes: readonly FileChange[]
  /** Number of files in either folder. */
  readonly total: number
}

/** Compare two lists. Both have a digest of a common hash function for every file. */
export function compareFileLists(
  before: Iterable<ManifestEntry>,
  after: Iterable<ManifestEntry>,
): FileChanges {
  // Keyed by bytes: two names that are not UTF-8 can be equal as text.
  const unmatched = new Map(Array.from(after, (entry) => [keyOf(entry), entry]))
  const changes: FileChange[] = []
  let total = unmatched.size
  for (const entry of before) {
    const key = keyOf(entry)
    const other = unmatched.get(key)
    unmatched.delete(key)
    if (other === undefined) {
      total++
      changes.push({ path: shown(entry), before: entry })
    } else if (!isSameFile(entry, other)) changes.push({ path: shown(entry), before: entry, after: other })
  }
  for (const entry of unmatched.values()) changes.push({ path: shown(entry), after: entry })
  return { changes, total }
}

function shown(entry: ManifestEntry): string {
  return entry.pathBytes === undefined ? entry.path : escapeBytes(bytesOf(entry))
}

function isSameFile(a: ManifestEntry, b: ManifestEntry): boolean {
  if (a.type !== b.type || a.size !== b.size || a.target !== b.target) return false
  return a.type === 'link' || haveSameDigests(a.digests, b.digests)
}

/** Check whether two digests of a common hash function are equal. */
export function haveSameDigests(a: Digests, b: Digests): boolean {
  const common = (['blake3', 'sha256'] as const).filter(
    (name) => a[name] !== undefined && b[name] !== undefined,
  )
  return common.length > 0 && common.every((name) => a[name]?.hex === b[name]?.hex)
}

/** Return the changes as differences by path. */
export function fileDifferences(changes: readonly FileChange[]): Difference[] {
  return changes.map(({ path, before, after }) => ({
    field: path,
    ...(before && { before: contentOf(before) }),
    ...(after && { after: contentOf(after) }),
  }))
}

function contentOf({ digests, target }: ManifestEntry): string {
  return target === undefined ? String(digests.blake3 ?? digests.sha256) : `link to ${target}`
}

/** Return a sentence that names the first files. */
export function filesSentence({ changes, total }: FileChanges): string {
  const names = changes.slice(0, 3).map(({ path, before, after }) => {
    if (before !== undefined) return after === undefined ? `${path} (gone)` : path
    return `${path} (new)`
  })
  return `${changes.length} of ${total} files differ: ${[...names, ...(changes.length > 3 ? ['…'] : [])].join(', ')}`
}

/** The volatile part of an output, which a comparison left out. */
export interface LeftOut {
  /** Files that differ and were left out. */
  readonly files: readonly string[]
  /** Files that differ in volatile fields or times of lines alone. */
  readonly fields: readonly string[]
  /** Number of files whose paths differ in a time alone. */
  readonly names?: number
}

/** Nothing was left out. */
export const NOTHING_LEFT_OUT: LeftOut = { files: [], fields: [] }

/** The files in which two outputs differ. */
export interface OutputChanges extends FileChanges {
  readonly leftOut: LeftOut
  /** True if every file was left out, so that nothing was compared. */
  readonly isEmpty: boolean
}

/** The files of an output. */
export interface OutputFiles {
  readonly list: FileList
  /** Return the digest of the fields of a file that are not volatile; `undefined` if its bytes count. */
  readonly stable: (entry: ManifestEntry) => Promise<string | undefined> | string | undefined
}

/**
 * Return which files of an output are volatile.
 *
 * @param ignore Patterns in addition to the built-in ones, in the syntax of gitignore.
 */
export function volatileFiles(ignore: readonly string[] = []): PathMatcher {
  return pathMatcher([...VOLATILE_FILES, ...ignore])
}

/** Compare two outputs, without what is volatile in them. */
export async function compareOutputFiles(
  before: OutputFiles,
  after: OutputFiles,
  isVolatile: PathMatcher,
): Promise<OutputChanges> {
  const { changes: all, total } = compareFileLists(before.list, after.list)
  const { matched, others } = matchNames(all)
  const [changes, files, fields]: [FileChange[], string[], string[]] = [[], [], []]
  for (const change of [...matched, ...others]) {
    if (isVolatile(change.path)) files.push(change.path)
    else if (hasSameContent(change)) continue
    else if (await hasSameFields(change, before, after)) fields.push(change.path)
    else changes.push(change)
  }
  const isEmpty = [before, after].every(({ list }) => list.every((entry) => isVolatile(shown(entry))))
  return {
    changes,
    total: total - matched.length,
    leftOut: { files, fields, names: matched.length },
    isEmpty: isEmpty && total > 0,
  }
}

/** Match each file that is gone with the one new file whose path differs in a time alone. */
function matchNames(changes: readonly FileChange[]): { matched: FileChange[]; others: FileChange[] } {
  const groups = new Map<string, FileChange[]>()
  for (const change of changes) {
    const path = VOLATILE_NAMES.reduce((text, time) => text.replace(time, '<time>'), change.path)
    const hasTime = path !== change.path && (change.before === undefined || change.after === undefined)
    const key = hasTime ? `time ${path}` : `path ${change.path}`
    groups.set(key, [...(groups.get(key) ?? []), change])
  }
  const [matched, others]: [FileChange[], FileChange[]] = [[], []]
  for (const group of groups.values()) {
    const [gone, ...moreGone] = group.filter(({ after }) => after === undefined)
    const [added, ...moreAdded] = group.filter(({ before }) => before === undefined)
    // With several folders of one side, nothing tells which belongs to which.
    const isPair = group.length === 2 && moreGone.length + moreAdded.length === 0
    if (isPair && gone?.before !== undefined && added?.after !== undefined)
      matched.push({ path: gone.path, pathAfter: added.path, before: gone.before, after: added.after })
    else for (const change of group) others.push(change)
  }
  return { matched, others }
}

function hasSameContent({ before, after }: FileChange): boolean {
  return before !== undefined && after !== undefined && isSameFile(before, after)
}

async function hasSameFields(
  { before, after }: FileChange,
  filesBefore: OutputFiles,
  filesAfter: OutputFiles,
): Promise<boolean> {
  if (before === undefined || after === undefined) return false
  const stable = await filesBefore.stable(before)
  return stable !== undefined && stable === (await filesAfter.stable(after))
}

/** Return a lookup of recorded digests of stable fields. */
export function recordedFields(fields: readonly StableFields[] = []): OutputFiles['stable'] {
  const byPath = new Map(fields.map(({ path, digest }) => [path, digest]))
  return ({ path, pathBytes }) => (pathBytes === undefined ? byPath.get(path) : undefined)
}

/** Return a sentence about what was left out; empty if nothing was. */
export function leftOutSentence({ files, fields, names = 0 }: LeftOut): string {
  const parts = [
    ...(files.length === 0 ? [] : [`${plural(files.length, 'volatile file')} (${few(files)})`]),
    ...(fields.length === 0 ? [] : [`volatile fields of ${few(fields)}`]),
    ...(names === 0 ? [] : [`times in the paths of ${plural(names, 'file')}`]),
  ]
  return parts.length === 0 ? '' : `left out: ${parts.join(', ')}`
}

function few(paths: readonly string[]): string {
  return [...paths.slice(0, 3), ...(paths.length > 3 ? ['…'] : [])].join(', ')
}
