/**
 * Undeclared files of the work tree: those that existed when the run started, and those that the run wrote.
 */
import { lstat, realpath } from 'node:fs/promises'
import { basename, dirname, join, relative, sep } from 'node:path'
import { parseGitCapture } from '../../capture/git/parse.ts'
import { unlessDamaged } from '../../json/read-fields.ts'
import { TRACKED_SECTIONS } from '../../record/record.ts'
import { reasonOf } from '../../record/failure.ts'
import { parseTracked, trackedPath } from '../../record/tracked.ts'
import { absolutePath } from '../../capture/git/paths.ts'
import { mapConcurrently } from '../../util/concurrency.ts'
import { KINDS, track } from '../inputs.ts'
import { writtenIgnored } from './ignored.ts'
import { isModelFile } from './model-files.ts'
import { beginStatus, changedSince } from './work-tree.ts'
import { plural } from '../../util/plural.ts'
import { isIndexPath } from '../../model/families.ts'
import type { RepositoryCapture } from '../../capture/git/types.ts'
import type { CaptureRecord, FlagKind, TrackedRecord, TrackedSection } from '../../record/record.ts'
import type { GitPath } from '../../capture/git/paths.ts'
import type { RunWriter } from '../run-writer.ts'
import type { WrittenFiles } from './ignored.ts'
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

/** The files that changed during the run, or the reason why they are unknown. */
type EndResult =
  | {
      readonly root: string
      readonly paths: readonly GitPath[]
      /** Files that git ignores. */
      readonly ignored: WrittenFiles
    }
  | { readonly reason: string }

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
  const nothing: WrittenFiles = { paths: [], isComplete: true }
  if (status === undefined) return { start, end: { root, paths: [], ignored: nothing } }
  try {
    const { algorithm } = writer.configuration
    const since = Date.parse(writer.state.start.startedAt)
    const changes = await changedSince(captured, status, { root, algorithm, signal, since })
    const ignored = await findIgnored(writer, root, status, since)
    const listed = new Set(changes.map(({ text }) => text))
    const undeclared = (files: readonly GitPath[]): GitPath[] => files.filter(({ text }) => !isDeclared(text))
    return {
      start,
      end: {
        root,
        paths: undeclared(changes),
        ignored: {
          ...ignored,
          paths: undeclared(ignored.paths).filter(({ text }) => !listed.has(text)),
        },
      },
    }
  } catch (error) {
    return { start, end: { reason: reasonOf(error) } }
  }
}

/** Find the files that git ignores and that the run wrote. If git fails, the other files are listed all the same. */
async function findIgnored(
  writer: RunWriter,
  root: string,
  status: WorkTreeStatus,
  since: number,
): Promise<WrittenFiles> {
  try {
    return await writtenIgnored(root, await status.ignored, since)
  } catch (error) {
    const message = `files that git ignores could not be listed: ${reasonOf(error)}`
    writer.append({ type: 'warning', message })
    return { paths: [], isComplete: false }
  }
}

/** Record the result of {@link findUndeclared}, with the sizes of the files that are named. */
export async function flagUndeclared(
  writer: RunWriter,
  undeclared: Awaited<ReturnType<typeof findUndeclared>>,
): Promise<void> {
  if (undeclared === undefined) return
  const { start, end } = undeclared
  flag(writer, 'undeclared', start, ['was', 'were'], 'neither committed nor declared when the run started')
  if ('paths' in end) {
    const { root, paths, ignored } = end
    flag(
      writer,
      'undeclared-output',
      paths.map(({ text }) => text),
      ['is', 'are'],
      'new or changed since the run started, and not declared',
      await sizesOf(root, paths),
    )
    flag(
      writer,
      'undeclared-ignored',
      ignored.paths.map(({ text }) => text),
      ['is', 'are'],
      `ignored by git, written since the run started, and not declared${ignored.isComplete ? '' : '; not all were looked at'}`,
      await sizesOf(root, ignored.paths),
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
  sizes?: readonly (number | null)[],
): void {
  if (paths.length === 0) return
  const names = paths.slice(0, 3).join(', ') + (paths.length > 3 ? ', …' : '')
  const files = plural(paths.length, `file ${singular}`, `files ${many}`)
  const message = `${files} ${description}: ${names}`
  writer.append({
    type: 'flag',
    flag: {
      kind,
      count: paths.length,
      paths: paths.slice(0, MAX_PATHS),
      ...(sizes !== undefined && { sizes }),
      message,
    },
  })
}

/** Return the sizes of the first files in bytes; `null` for one that is gone, and for anything else than a file. */
function sizesOf(root: string, paths: readonly GitPath[]): Promise<(number | null)[]> {
  return mapConcurrently(paths.slice(0, MAX_PATHS), MAX_PATHS, async (path) => {
    const info = await lstat(absolutePath(root, path)).catch(() => undefined)
    return info?.isFile() === true ? info.size : null
  })
}

/**
 * Digest the files of models and checkpoints that the run wrote and nobody declared, as outputs that are named after
 * their paths. One that cannot be read is a warning.
 */
export async function trackModelFiles(
  writer: RunWriter,
  options: { readonly signal?: AbortSignal | undefined },
): Promise<void> {
  const undeclared = await findUndeclared(writer, beginUndeclared(writer, options.signal), options.signal)
  if (undeclared === undefined || !('paths' in undeclared.end)) {
    const reason =
      undeclared === undefined || !('reason' in undeclared.end)
        ? 'there is no git capture'
        : undeclared.end.reason
    writer.append({ type: 'warning', message: `undeclared model files could not be found: ${reason}` })
    return
  }
  const { root, paths, ignored } = undeclared.end
  const files = [...paths, ...ignored.paths].filter(({ text, utf8 }) => utf8 && isModelFile(text))
  if (files.length > AUTO_LIMIT) {
    const message = `the run wrote ${files.length} undeclared model files, and the first ${AUTO_LIMIT} are recorded as outputs`
    writer.append({ type: 'warning', message })
  }
  for (const { text } of files.slice(0, AUTO_LIMIT)) {
    const path = join(root, text)
    // A file that the run removed is none.
    if ((await lstat(path).catch(() => undefined))?.isFile() !== true) continue
    try {
      await track(writer, KINDS.output, path, text, options)
    } catch (error) {
      options.signal?.throwIfAborted()
      const message = `the output ${JSON.stringify(text)} was not recorded: ${reasonOf(error)}`
      writer.append({ type: 'warning', message })
    }
  }
}

/** Largest number of outputs that are found. */
const AUTO_LIMIT = 200

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
  const paths = [...tracked, ...snapshots.outputPaths, ...snapshots.metricFiles]
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
