/** Assembly of the git capture from its parts. */
import type { GitOptions } from '../../config/groups.ts'
import { mkdir, realpath } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { LineaprintError } from '../../core/errors.ts'
import { modesIn } from '../../util/modes.ts'
import { NotAvailable } from '../../util/not-available.ts'
import { ABSENCES } from './absence.ts'
import { writeBundle } from './bundle.ts'
import { describeChanged } from './changed.ts'
import { createGit } from './command.ts'
import { listFilters, reportFiltered } from './filters.ts'
import { GIT_TIMEOUT_MS, readSnapshotEarly } from './early.ts'
import { readSnapshot } from './snapshot.ts'
import { describeLargeFiles } from './large-files.ts'
import { readNested } from './nested.ts'
import { limitWarnings, concurrentChangeWarnings } from './limits.ts'
import { readOperation, readWorktrees } from './operation.ts'
import { readSparsePatterns } from './sparse.ts'
import { findTooLarge, writePatches } from './patches.ts'
import { isInStore } from './paths.ts'
import { describeSubmodules } from './submodules.ts'
import { describeUntracked } from './untracked.ts'
import { describeWorkTreeFiles } from './work-tree-files.ts'
import type { CaptureContext } from '../../core/component.ts'
import type { BlockedAnswers, GitOptions as CallGitOptions, Git } from './command.ts'
import type { PatchOptions } from './patches.ts'
import type { RepositorySnapshot } from './snapshot.ts'
import type { GitStatus } from './status.ts'
import type { CapturedRepository, Commit, NoRepository, Patches } from './types.ts'

/** Settings that are not part of the configuration. */
export interface GitCaptureSettings {
  /** Time limit for each call of git in milliseconds. @default 60000 */
  readonly timeout?: number | undefined
  /** Limit of the size of the bundle in bytes; a larger one is not written. @default 268435456 (256 MiB) */
  readonly bundleLimit?: number | undefined
  /**
   * `redact`: secrets of a known form are replaced in added lines of patches, and untracked files that look
   * like secrets are not copied. `keep`: everything is kept unchanged. @default 'redact'
   */
  readonly secrets?: 'redact' | 'keep' | undefined
  /** Environment variables of git. @default those of this process */
  readonly environment?: NodeJS.ProcessEnv | undefined
}

/** Capture the repository that a folder is in. A missing repository is a finding, not an error. */
export async function captureGit(
  context: CaptureContext,
  captureOptions: GitOptions,
  settings: GitCaptureSettings,
): Promise<{ value: CapturedRepository | NoRepository; warnings: string[] }> {
  const { directory, signal, inspection } = context
  const { timeout = GIT_TIMEOUT_MS, environment = process.env } = settings
  const warnings: string[] = []
  try {
    const options = { timeout, signal, environment, blocked: new Map() as BlockedAnswers }
    const { disabledFilters, snapshot } = await readWithFilters(options, directory, inspection, warnings)
    const { location, status, commit } = snapshot
    const { root, gitFolder } = location
    if (commit === null) {
      const branch = { branch: status.branch, operation: await readOperation(gitFolder) }
      const reason = ABSENCES.commit
      return { value: { available: false, reason, root, ...branch }, warnings: [] }
    }
    const rooted = createGit({ ...options, directory: root, disabledFilters })
    if (inspection !== undefined)
      await reportFiltered(rooted, root, status.changed, disabledFilters, inspection)
    const value = await describe(
      rooted,
      snapshot,
      commit,
      context,
      { ...settings, ...captureOptions },
      warnings,
      async () => {
        const disabled = await listFilters(rooted, root)
        return createGit({ ...options, directory: root, disabledFilters: disabled })
      },
    )
    return { value, warnings }
  } catch (error) {
    if (!(error instanceof NotAvailable)) throw error
    return { value: { available: false, reason: error.message }, warnings: [] }
  }
}

/** Write the patches; without filters if one fails, because all changes would be lost. */
async function writeWithFilters(
  git: Git,
  withoutFilters: () => Promise<Git>,
  options: PatchOptions,
  warnings: string[],
): Promise<Patches> {
  const attempt: string[] = []
  const patches = await writePatches(git, options, attempt)
  const { diff } = patches
  if (diff.status !== 'absent' || !FILTER_FAILURE.test(diff.reason)) {
    warnings.push(...attempt)
    return patches
  }
  warnings.push(`files are in the patch as they are on disk, without filters: ${diff.reason}`)
  return writePatches(await withoutFilters(), options, warnings)
}

/** Matches the reason of git for a filter that failed. */
const FILTER_FAILURE = /\bfilter\b/

type CallOptions = Pick<CallGitOptions, 'timeout' | 'signal' | 'environment' | 'blocked'>

/**
 * Read the state of the repository: for a run with the filters of git, and without them if one fails, because it would
 * hide all code. A capture that is compared starts none.
 */
async function readWithFilters(
  options: CallOptions,
  directory: string,
  inspection: CaptureContext['inspection'],
  warnings: string[],
): Promise<{ disabledFilters: readonly string[]; snapshot: RepositorySnapshot }> {
  const git = createGit({ ...options, directory })
  let failure: NotAvailable | undefined
  if (inspection === undefined) {
    try {
      return { disabledFilters: [], snapshot: await readSnapshotEarly({ ...options, directory }) }
    } catch (error) {
      if (!(error instanceof NotAvailable) || !FILTER_FAILURE.test(error.message)) throw error
      failure = error
    }
  }
  const disabledFilters = await listFilters(git, directory)
  if (failure !== undefined)
    warnings.push(`files are recorded as they are on disk, without filters: ${failure.message}`)
  const snapshot = await readSnapshot(createGit({ ...options, directory, disabledFilters }), directory)
  return { disabledFilters, snapshot }
}

/**
 * Return whether git reports the number of stashes. Before 2.35 it does not, which differs from having none.
 */
function reportsStashes(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > 2 || minor >= 35
}

async function describe(
  git: Git,
  { location, version, status, settings, entries, tracked, sizes, tags, unpushed }: RepositorySnapshot,
  commit: Commit,
  context: CaptureContext,
  options: GitOptions & GitCaptureSettings,
  warnings: string[],
  withoutFilters: () => Promise<Git>,
): Promise<CapturedRepository> {
  const { root, shallow, objectFormat, gitFolder, commonFolder } = location
  const { algorithm, signal, filesDirectory } = context
  const content = { root, algorithm, signal, readNested }
  const changed = await describeChanged(status.changed, content, warnings)
  const submodules = await describeSubmodules(git, content, entries.submodules, status.changed, warnings)
  const isOwn = await createOwnPathCheck(root, filesDirectory)
  const keepSecrets = options.secrets === 'keep'
  const untracked = await describeUntracked(
    git,
    status.untracked.filter(({ text }) => !isOwn(text)),
    {
      ...content,
      copyTo: filesDirectory === undefined ? undefined : join(filesDirectory, 'untracked'),
      untrackedFileLimit: options.untrackedFileLimit,
      untrackedLimit: options.untrackedLimit,
      keepSecrets,
    },
    warnings,
  )
  const workTreeFiles = await unlessUnknown(warnings, async () => {
    if (tracked instanceof NotAvailable) throw tracked
    return describeWorkTreeFiles(git, tracked, status.changed, settings, sizes, content, warnings)
  })
  const { patchLimit } = options
  const patches =
    filesDirectory === undefined || status.changed.length === 0
      ? null
      : await writeWithFilters(
          git,
          withoutFilters,
          {
            folder: filesDirectory,
            commit: commit.commit,
            limit: patchLimit,
            excluded: await findTooLarge(root, status.changed, patchLimit),
            keepSecrets,
            algorithm,
            signal,
          },
          warnings,
        )
  const isClean = status.changed.length === 0 && untracked.length === 0
  // If no files were kept, there is nothing that could be inconsistent.
  if (filesDirectory !== undefined && !isClean)
    warnings.push(...(await concurrentChangeWarnings(git, status, changed, content, isOwn)))
  // The remaining steps read nothing in the work tree, or nothing that changes during the run.
  context.onSettled?.()
  const bundle =
    filesDirectory === undefined || !options.bundle
      ? null
      : await writeBundle(
          git,
          { folder: filesDirectory, limit: options.bundleLimit ?? 256 << 20, unpushed, algorithm, signal },
          warnings,
        )
  warnings.push(
    ...(await limitWarnings(
      git,
      status,
      { settings, entries, unpushed, bundle },
      filesDirectory !== undefined,
    )),
  )
  return {
    available: true,
    gitVersion: version,
    root,
    // The working folder below the root, in which `reproduce` runs the command again.
    directory: relative(root, await realpath(context.directory))
      .split(sep)
      .join('/'),
    objectFormat,
    ...commit,
    branch: status.branch,
    detached: status.branch === null,
    tags: [...tags],
    upstream: status.upstream,
    unpushed,
    bundle,
    remotes: settings.remotes,
    operation: await readOperation(gitFolder),
    worktree: await readWorktrees(gitFolder, commonFolder),
    clean: isClean,
    ...changedPathLists(status),
    changed,
    untracked,
    submodules,
    largeFiles: await describeLargeFiles(git, root, entries.attributes, warnings),
    stashes: reportsStashes(version) ? status.stashes : null,
    shallow,
    sparse: settings.sparse,
    sparsePatterns: settings.sparse ? await readSparsePatterns(gitFolder, settings.sparseCone) : null,
    partial: settings.partial,
    assumedUnchanged: entries.assumeUnchanged.map(({ text }) => text),
    skippedFiles: entries.skipped,
    workTreeFiles,
    patches,
  }
}

/** Return `null` with a warning if git cannot list the files that it converts. */
async function unlessUnknown<T>(warnings: string[], work: () => Promise<T>): Promise<T | null> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof NotAvailable)) throw error
    warnings.push(`the files that git converts or does not look at could not be listed: ${error.message}`)
    return null
  }
}

/** Return the paths of the changed files by the kind of change, for display. */
function changedPathLists({ changed }: GitStatus): Record<'staged' | 'modified' | 'conflicted', string[]> {
  const paths = (key: 'staged' | 'unstaged' | 'conflict'): string[] =>
    changed.filter((entry) => entry[key] !== null).map(({ path }) => path.text)
  return { staged: paths('staged'), modified: paths('unstaged'), conflicted: paths('conflict') }
}

/**
 * Return a function that checks whether a path below the root belongs to lineaprint: records of runs are not
 * part of the recorded state.
 *
 * @param folder The folder of this run's files, which is created.
 */
async function createOwnPathCheck(
  root: string,
  folder: string | undefined,
): Promise<(path: string) => boolean> {
  if (folder === undefined) return isInStore
  try {
    await mkdir(folder, { recursive: true, mode: modesIn(dirname(folder)).folder })
  } catch (cause) {
    const message = 'the folder for files cannot be made'
    throw new LineaprintError('ERR_LINEAPRINT_STORE', message, { path: folder, cause })
  }
  const below = relative(await realpath(root), await realpath(folder))
    .split(sep)
    .join('/')
  return (path) => isInStore(path) || path.startsWith(`${below}/`)
}
