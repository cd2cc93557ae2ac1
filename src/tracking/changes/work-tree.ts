/** Which files of a git work tree are new or changed since a capture of it, by a second status that only reads. */
import { lstat } from 'node:fs/promises'
import { mapConcurrently } from '../../util/concurrency.ts'
import { ignoreRejection } from '../../util/ignore-rejection.ts'
import { createGit } from '../../capture/git/command.ts'
import { hashContents, hashLink } from '../../capture/git/content.ts'
import { absolutePath, gitPath, isInStore } from '../../capture/git/paths.ts'
import { readStatus, splitNul } from '../../capture/git/status.ts'
import { fieldText } from '../../json/copy.ts'
import type { Stats } from 'node:fs'
import type { Git } from '../../capture/git/command.ts'
import type { Content, ContentOptions } from '../../capture/git/content.ts'
import type { GitPath } from '../../capture/git/paths.ts'
import type { GitStatus } from '../../capture/git/status.ts'
import type { JsonObject, JsonValue } from '../../core/json-value.ts'

/** A second status, under way. */
export interface WorkTreeStatus {
  readonly git: Git
  readonly status: Promise<GitStatus>
}

/** How a second status is read. */
export interface WorkTreeStatusOptions {
  /** Absolute path, in the work tree. */
  readonly directory: string
  readonly signal: AbortSignal | undefined
  /** Milliseconds for each call of git. @default 60000, as for the capture */
  readonly timeout?: number
  /** Variables git is given. @default those of this process */
  readonly environment?: NodeJS.ProcessEnv
}

/** Begin the second status; whoever awaits it gets its error. */
export function beginStatus(options: WorkTreeStatusOptions): WorkTreeStatus {
  const { directory, signal, timeout = 60_000, environment = process.env } = options
  const git = createGit({ directory, timeout, signal, environment })
  // Nobody awaits it where what it is compared with turns out not to be there.
  return { git, status: ignoreRejection(readStatus(git)) }
}

/** Clocks of file systems go in steps of up to two seconds. */
const CLOCK_STEP_MS = 3000

const AT_ONCE = 32

/** What changes are told from. */
export interface ChangedSinceOptions extends ContentOptions {
  /** Milliseconds since 1970 before which the capture had not begun. */
  readonly since: number
}

/**
 * The paths that are new, changed or gone since a capture, sorted by their bytes; what git ignores and what lies in a
 * folder `.lineaprint` is left out.
 *
 * A file that differed from the commit already is compared with its recorded digest, and only read where it was
 * written to since and has the same length. What is inside a submodule or another repository that had changes already
 * is not told apart.
 *
 * @param captured What the git capture found, with `available: true`.
 * @throws Absent with the reason where git fails or takes too long; the reason of the signal.
 */
export async function changedSince(
  captured: JsonObject,
  second: WorkTreeStatus,
  options: ChangedSinceOptions,
): Promise<GitPath[]> {
  const status = await second.status
  const before = dirtyBefore(captured)
  const found = await changedAmong([...before.values()], options)
  const later = new Map(
    [...status.changed.map(({ path }) => path), ...status.untracked].map((path) => [keyOf(path), path]),
  )
  if (status.commit === captured['commit']) {
    for (const [key, path] of later) if (!before.has(key)) found.push(path)
  } else {
    const committed = await changedByCommits(second.git, captured['commit'], status.commit)
    for (const [key, { path }] of committed) later.set(key, path)
    const others = [...later].filter(([key]) => !before.has(key))
    const written = await mapConcurrently(others, AT_ONCE, async ([key, path]) => {
      const now = await statOf(options.root, path)
      // What differs from another commit than that of the start may be as it was.
      return now === undefined
        ? committed.get(key)?.letter !== 'A'
        : !now.isDirectory() && isLater(now, options)
    })
    found.push(...others.flatMap(([, path], index) => (written[index] === true ? [path] : [])))
  }
  return found.filter(({ text }) => !isInStore(text)).toSorted((a, b) => Buffer.compare(a.bytes, b.bytes))
}

/** Names as bytes: the text of a name that is not UTF-8 can be that of another. */
function keyOf({ bytes }: GitPath): string {
  return bytes.toString('latin1')
}

/** A path that differed from the commit when the capture was made. */
interface Dirty {
  readonly path: GitPath
  readonly was: WorkTreeEntry
}

/** What stood at a path: nothing, an entry of the capture, or what cannot be compared later. */
type WorkTreeEntry =
  | { readonly kind: 'absent' }
  | { readonly kind: 'recorded'; readonly entry: JsonObject }
  | { readonly kind: 'not-comparable' }

const NOT_COMPARABLE: WorkTreeEntry = { kind: 'not-comparable' }

function dirtyBefore(captured: JsonObject): Map<string, Dirty> {
  const changed = listOf(captured['changed']).map((entry) => ({
    entry,
    was: workTreeEntry(entry['workTree']),
  }))
  const untracked = listOf(captured['untracked']).map((entry) => ({
    entry,
    was: entry['kind'] === 'repository' ? NOT_COMPARABLE : workTreeEntry(entry),
  }))
  const submodules = listOf(captured['submodules']).flatMap((entry) => {
    const isDirty =
      entry['modified'] === true || entry['untracked'] === true || entry['workTree'] !== entry['index']
    return isDirty ? [{ entry, was: NOT_COMPARABLE }] : []
  })
  return new Map(
    [...changed, ...untracked, ...submodules].map(({ entry, was }) => {
      const { path, pathBytes } = entry
      const bytes =
        typeof pathBytes === 'string' ? Buffer.from(pathBytes, 'hex') : Buffer.from(fieldText(path))
      const dirty = { path: gitPath(bytes), was }
      return [keyOf(dirty.path), dirty]
    }),
  )
}

function workTreeEntry(value: JsonValue | undefined): WorkTreeEntry {
  if (value === null) return { kind: 'absent' }
  return value === undefined ? NOT_COMPARABLE : { kind: 'recorded', entry: value as JsonObject }
}

function listOf(value: JsonValue | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? (value as readonly JsonObject[]) : []
}

/** Those of the paths at which something else stands now. */
async function changedAmong(paths: readonly Dirty[], options: ChangedSinceOptions): Promise<GitPath[]> {
  const compared = await mapConcurrently(paths, AT_ONCE, (dirty) => compareByStat(dirty, options))
  const unsure = paths.filter((_, index) => compared[index] === 'unsure')
  const contents = await hashContents(
    unsure.map(({ path }) => path),
    options,
  )
  const same = new Set(unsure.filter(({ was }, index) => isSame(was, contents[index])))
  return paths.flatMap((dirty, index) =>
    compared[index] === 'changed' || (compared[index] === 'unsure' && !same.has(dirty)) ? [dirty.path] : [],
  )
}

async function compareByStat(
  { path, was }: Dirty,
  options: ChangedSinceOptions,
): Promise<'same' | 'changed' | 'unsure'> {
  if (was.kind === 'not-comparable') return 'same'
  const now = await statOf(options.root, path)
  if (was.kind === 'absent') return now === undefined ? 'same' : 'changed'
  if (now === undefined) return 'changed'
  if (!isLater(now, options)) return 'same'
  const isLink = was.entry['mode'] === '120000'
  if (isLink && now.isSymbolicLink()) return isSame(was, await hashLink(path, options)) ? 'same' : 'changed'
  return !isLink && now.isFile() && was.entry['size'] === now.size ? 'unsure' : 'changed'
}

function isSame(was: WorkTreeEntry, content: Content | undefined): boolean {
  // What could not be read, now or then, was written to at least.
  if (was.kind !== 'recorded' || content?.status !== 'hashed') return false
  return JSON.stringify(was.entry['digests']) === JSON.stringify(content.digests)
}

function isLater({ ctimeMs }: Stats, { since }: ChangedSinceOptions): boolean {
  return ctimeMs >= since - CLOCK_STEP_MS
}

async function statOf(root: string, path: GitPath): Promise<Stats | undefined> {
  return lstat(absolutePath(root, path)).catch(() => undefined)
}

/** The paths in which two commits differ, with the letter of git for what happened to each. */
async function changedByCommits(
  git: Git,
  from: JsonValue | undefined,
  to: string | null,
): Promise<Map<string, { readonly letter: string; readonly path: GitPath }>> {
  const found = new Map<string, { letter: string; path: GitPath }>()
  if (typeof from !== 'string' || to === null) return found
  const pieces = splitNul(
    await git(['diff-tree', '-r', '-z', '--no-renames', '--name-status', from, to, '--']),
  )
  for (let index = 0; index + 1 < pieces.length; index += 2) {
    const path = gitPath(pieces[index + 1] ?? Buffer.alloc(0))
    found.set(keyOf(path), { letter: pieces[index]?.toString() ?? '', path })
  }
  return found
}
