/**
 * Undeclared files of the work tree: those that existed when the run started, and those that the run wrote.
 */
import { realpath } from 'node:fs/promises'
import { basename, dirname, join, relative, sep } from 'node:path'
import { parseGitCapture } from '../../capture/git/parse.ts'
import { unlessDamaged } from '../../json/read-fields.ts'
import { TRACKED_SECTIONS } from '../../record/record.ts'
import { reasonOf } from '../../record/failure.ts'
import { parseTracked, trackedPath } from '../../record/tracked.ts'
import { beginStatus, changedSince } from './work-tree.ts'
import { plural } from '../../util/plural.ts'
import { isIndexPath } from '../../model/families.ts'
import type { RepositoryCapture } from '../../capture/git/types.ts'
import type { CaptureRecord, FlagKind, TrackedRecord, TrackedSection } from '../../record/record.ts'
import type { RunWriter } from '../run-writer.ts'
import type { WorkTreeStatus } from './work-tree.ts'

/** Largest number of paths in a message. */
const MAX_PATHS = 20

/**
 * Start reading the status of the work tree at the end of a run. Return `undefined` if git is not tracked or
 * no repository was captured.
 */
export function beginUndeclared(
  writer: RunWriter,
  signal: AbortSignal | undefined,
): WorkTreeStatus | undefined {
  const { enableGitTracking } = writer.configuration
  const git = writer.state.captures.get('git')
  // While the git capture is still in progress it may yet find a repository.
  if (!enableGitTracking || (git !== undefined && availableGit(git) === undefined)) return undefined
  return beginStatus({ directory: writer.directory, signal })
}

/** The paths that changed during the run, or the reason why they are unknown. */
type EndResult = { readonly paths: readonly string[] } | { readonly reason: string }

/**
 * Find the undeclared files that are in no commit: those of the start, and those that are new or changed
 * since. If the second status fails, the result holds the reason; the run does not fail.
 *
 * @param status The result of {@link beginUndeclared}.
 */
export async function findUndeclared(
  writer: RunWriter,
  status: WorkTreeStatus | undefined,
  signal: AbortSignal | undefined,
): Promise<{ readonly start: readonly string[]; readonly end: EndResult } | undefined> {
  const captured = availableGit(writer.snapshots.gitAtStart ?? writer.state.captures.get('git'))
  const root = captured?.root
  if (captured === undefined || root === undefined) return undefined
  const declared = await declaredBelow(root, writer)
  const isDeclared = (path: string): boolean =>
    declared.some(
      (declaredPath) => declaredPath === '' || path === declaredPath || path.startsWith(`${declaredPath}/`),
    )
  const start = [...captured.changed, ...captured.untracked]
    .map(({ path }) => path)
    .filter((path) => !isDeclared(path))
  if (status === undefined) return { start, end: { paths: [] } }
  try {
    const { algorithm } = writer.configuration
    const since = Date.parse(writer.state.start.startedAt)
    const changes = await changedSince(captured, status, { root, algorithm, signal, since })
    return { start, end: { paths: changes.map(({ text }) => text).filter((path) => !isDeclared(path)) } }
  } catch (error) {
    return { start, end: { reason: reasonOf(error) } }
  }
}

/** Record the result of {@link findUndeclared}. */
export function flagUndeclared(
  writer: RunWriter,
  undeclared: Awaited<ReturnType<typeof findUndeclared>>,
): void {
  if (undeclared === undefined) return
  const { start, end } = undeclared
  flag(writer, 'undeclared', start, ['was', 'were'], 'neither committed nor declared when the run started')
  if ('paths' in end) {
    flag(
      writer,
      'undeclared-output',
      end.paths,
      ['is', 'are'],
      'new or changed since the run started, and not declared',
    )
  } else {
    const message = `undeclared outputs could not be listed: ${end.reason}`
    writer.append({ type: 'warning', message })
  }
}

function flag(
  writer: RunWriter,
  kind: FlagKind,
  paths: readonly string[],
  [singular, many]: readonly [string, string],
  description: string,
): void {
  if (paths.length === 0) return
  const names = paths.slice(0, 3).join(', ') + (paths.length > 3 ? ', …' : '')
  const files = plural(paths.length, `file ${singular}`, `files ${many}`)
  const message = `${files} ${description}: ${names}`
  writer.append({
    type: 'flag',
    flag: { kind, count: paths.length, paths: paths.slice(0, MAX_PATHS), message },
  })
}

/** Return the repository that a git capture recorded; `undefined` if it recorded none. */
function availableGit(capture: CaptureRecord | undefined): RepositoryCapture | undefined {
  if (capture?.status !== 'captured') return undefined
  // A custom tracker may use the name `git` and record something else.
  const git = unlessDamaged(() => parseGitCapture(capture.value))
  return git?.available === true ? git : undefined
}

/** List all declared paths below a root, in the form in which git writes paths. */
async function declaredBelow(root: string, { state, snapshots }: RunWriter): Promise<string[]> {
  const tracked = TRACKED_SECTIONS.flatMap((section) =>
    [...state.tracked[section]].flatMap(([name, entry]) => pathsOf(section, name, entry)),
  )
  const paths = [...tracked, ...snapshots.outputPaths]
  // Git reports the root with links resolved. A declared path may contain links, and may no longer exist.
  const real = await Promise.all(
    paths.map(async (path) => [path, await realpath(path).catch(() => path)] as const),
  )
  const relativePaths = real.flat().map((path) => relative(root, path).split(sep).join('/'))
  return [...new Set(relativePaths.filter((path) => path !== '..' && !path.startsWith('../../')))]
}

/**
 * List the files of an entry. A model that is named by one file or by an index of shards can have several.
 */
function pathsOf(section: TrackedSection, name: string, entry: TrackedRecord): string[] {
  const path = trackedPath(entry)
  if (path === undefined || path === '') return []
  if (section !== 'models' || entry.status !== 'tracked') return [path]
  const { files = [], config } = parseTracked(section, name, entry)
  const names = [...files, ...(config === undefined ? [] : [config])].map((file) => file.name)
  const isFile = names.includes(basename(path)) || isIndexPath(path)
  return [path, ...(isFile ? names.map((file) => join(dirname(path), file)) : [])]
}
