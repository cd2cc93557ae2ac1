/**
 * Files of a git work tree that are new or changed since it was captured, found by a second, read-only
 * status.
 */
import { lstat } from 'node:fs/promises'
import { mapConcurrently } from '../../util/concurrency.ts'
import { ignoreRejection } from '../../util/ignore-rejection.ts'
import { createGit } from '../../capture/git/command.ts'
import { hashContents, hashLink } from '../../capture/git/content.ts'
import { absolutePath, gitPath, isInStore, readPath } from '../../capture/git/paths.ts'
import { readStatus, splitNul } from '../../capture/git/status.ts'
import { beginIgnored } from './ignored.ts'
import type { Stats } from 'node:fs'
import type { Git } from '../../capture/git/command.ts'
import type { Content, ContentOptions } from '../../capture/git/content.ts'
import type { GitPath } from '../../capture/git/paths.ts'
import type { GitStatus } from '../../capture/git/status.ts'
import type { RepositoryCapture, UntrackedEntry } from '../../capture/git/types.ts'
import type { WrittenDigests } from '../../core/digest.ts'
import type { IgnoredPaths } from './ignored.ts'

/** A second status, in progress. */
export interface WorkTreeStatus {
  readonly git: Git
  readonly status: Promise<GitStatus>
  /** Paths that git ignores. */
  readonly ignored: Promise<IgnoredPaths>
}

/** Options of the second status. */
export interface WorkTreeStatusOptions {
  /** Absolute path of a folder in the work tree. */
  readonly directory: string
  readonly signal: AbortSignal | undefined
  /** Timeout of each call of git, in milliseconds. @default 60000, as for the capture */
  readonly timeout?: number
  /** Environment variables of git. @default those of this process */
  readonly environment?: NodeJS.ProcessEnv
}

/** Start the second status. The promise `status` rejects with its error. */
export function beginStatus(options: WorkTreeStatusOptions): WorkTreeStatus {
  const { directory, signal, timeout = 60_000, environment = process.env } = options
  const git = createGit({ directory, timeout, signal, environment })
  // The status is not awaited if the capture found no repository.
  return { git, status: ignoreRejection(readStatus(git)), ignored: beginIgnored(git) }
}

/** Step in milliseconds of the time stamps of file systems: up to two seconds, plus a margin. */
const CLOCK_STEP_MS = 3000

const CONCURRENCY = 32

/** Options of a comparison with a capture. */
export interface ChangedSinceOptions extends ContentOptions {
  /** Lower bound of the time of the capture, in milliseconds since 1970. */
  readonly since: number
}

/**
 * List the paths that are new, changed or missing since a capture, sorted by their bytes. Ignored files and
 * files in a folder `.lineaprint` are left out.
 *
 * A file that already differed from the commit is compared with its recorded digest. It is read only if it
 * was written to since the capture and has the same length. Changes inside a submodule or nested repository
 * that already had changes are not detected.
 *
 * @param captured The git capture, with `available: true`.
 * @throws NotAvailable with the reason if git fails or takes too long; the reason of the signal.
 */
export async function changedSince(
  captured: RepositoryCapture,
  second: WorkTreeStatus,
  options: ChangedSinceOptions,
): Promise<GitPath[]> {
  const status = await second.status
  const before = dirtyBefore(captured)
  const changes = await changedAmong([...before.values()], options)
  const currentPaths = new Map(
    [...status.changed.map(({ path }) => path), ...status.untracked].map((path) => [keyOf(path), path]),
  )
  if (status.commit === captured.commit) {
    for (const [key, path] of currentPaths) if (!before.has(key)) changes.push(path)
  } else {
    const committed = await changedByCommits(second.git, captured.commit, status.commit)
    for (const [key, { path }] of committed) currentPaths.set(key, path)
    const otherPaths = [...currentPaths].filter(([key]) => !before.has(key))
    const written = await mapConcurrently(otherPaths, CONCURRENCY, async ([key, path]) => {
      const info = await statOf(options.root, path)
      // A file that differs from the new commit can still be equal to that of the commit of the start.
      return info === undefined
        ? committed.get(key)?.letter !== 'A'
        : !info.isDirectory() && isWrittenSince(info, options)
    })
    for (const [index, [, path]] of otherPaths.entries()) if (written[index] === true) changes.push(path)
  }
  return changes.filter(({ text }) => !isInStore(text)).toSorted((a, b) => Buffer.compare(a.bytes, b.bytes))
}

/**
 * Return a map key for a path. It uses bytes, because different names that are not UTF-8 can have the same
 * text.
 */
function keyOf({ bytes }: GitPath): string {
  return bytes.toString('latin1')
}

/** The recorded content of a file or link; without digests if it could not be read. */
interface RecordedContent {
  readonly mode?: string
  readonly size?: number
  readonly digests?: WrittenDigests | null
}

/** A path that differed from the commit when the capture was made. */
interface Dirty {
  readonly path: GitPath
  readonly before: WorkTreeEntry
}

/** The state of a path at the capture: absent, a recorded entry, or content that cannot be compared. */
type WorkTreeEntry =
  | { readonly kind: 'absent' }
  | { readonly kind: 'recorded'; readonly entry: RecordedContent }
  | { readonly kind: 'not-comparable' }

const NOT_COMPARABLE: WorkTreeEntry = { kind: 'not-comparable' }

function workTreeEntry(entry: RecordedContent | null | undefined): WorkTreeEntry {
  if (entry === null) return { kind: 'absent' }
  return entry === undefined ? NOT_COMPARABLE : { kind: 'recorded', entry }
}

function untrackedContent(entry: UntrackedEntry): RecordedContent | undefined {
  if (entry.kind === 'repository') return undefined
  return entry.kind === 'other' ? {} : entry
}

function dirtyBefore({ changed, untracked, submodules }: RepositoryCapture): Map<string, Dirty> {
  const dirtySubmodules = submodules.filter(
    ({ modified, untracked: isUntracked, workTree, index }) => modified || isUntracked || workTree !== index,
  )
  const paths: Dirty[] = [
    ...changed.map((file) => ({ path: readPath(file), before: workTreeEntry(file.workTree) })),
    ...untracked.map((entry) => ({ path: readPath(entry), before: workTreeEntry(untrackedContent(entry)) })),
    ...dirtySubmodules.map((entry) => ({ path: readPath(entry), before: NOT_COMPARABLE })),
  ]
  return new Map(paths.map((dirty) => [keyOf(dirty.path), dirty]))
}

/** Return the paths whose content is different now. */
async function changedAmong(paths: readonly Dirty[], options: ChangedSinceOptions): Promise<GitPath[]> {
  const compared = await mapConcurrently(paths, CONCURRENCY, (dirty) => compareByStat(dirty, options))
  const unsure = paths.filter((_, index) => compared[index] === 'unsure')
  const contents = await hashContents(
    unsure.map(({ path }) => path),
    options,
  )
  const unchanged = new Set(unsure.filter(({ before }, index) => isSame(before, contents[index])))
  return paths.flatMap((dirty, index) =>
    compared[index] === 'changed' || (compared[index] === 'unsure' && !unchanged.has(dirty))
      ? [dirty.path]
      : [],
  )
}

async function compareByStat(
  { path, before }: Dirty,
  options: ChangedSinceOptions,
): Promise<'same' | 'changed' | 'unsure'> {
  if (before.kind === 'not-comparable') return 'same'
  const info = await statOf(options.root, path)
  if (before.kind === 'absent') return info === undefined ? 'same' : 'changed'
  if (info === undefined) return 'changed'
  if (!isWrittenSince(info, options)) return 'same'
  const isLink = before.entry.mode === '120000'
  if (isLink && info.isSymbolicLink())
    return isSame(before, await hashLink(path, options)) ? 'same' : 'changed'
  return !isLink && info.isFile() && before.entry.size === info.size ? 'unsure' : 'changed'
}

function isSame(before: WorkTreeEntry, content: Content | undefined): boolean {
  // A path that could not be read at one of the two times counts as changed, because it was written to.
  if (before.kind !== 'recorded' || content?.status !== 'hashed') return false
  return JSON.stringify(before.entry.digests) === JSON.stringify(content.digests)
}

function isWrittenSince({ ctimeMs }: Stats, { since }: ChangedSinceOptions): boolean {
  return ctimeMs >= since - CLOCK_STEP_MS
}

async function statOf(root: string, path: GitPath): Promise<Stats | undefined> {
  return lstat(absolutePath(root, path)).catch(() => undefined)
}

/** List the paths in which two commits differ, with the status letter of git. */
async function changedByCommits(
  git: Git,
  from: string,
  to: string | null,
): Promise<Map<string, { readonly letter: string; readonly path: GitPath }>> {
  const changes = new Map<string, { letter: string; path: GitPath }>()
  if (to === null) return changes
  const fields = splitNul(
    await git(['diff-tree', '-r', '-z', '--no-renames', '--name-status', from, to, '--']),
  )
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const path = gitPath(fields[index + 1] ?? Buffer.alloc(0))
    changes.set(keyOf(path), { letter: fields[index]?.toString() ?? '', path })
  }
  return changes
}
