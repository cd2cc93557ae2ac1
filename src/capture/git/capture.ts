/** Puts the parts of the git capture together. */
import { mkdir, realpath } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { LineaprintError } from '../../core/errors.ts'
import { Absent } from '../../util/not-available.ts'
import { writeBundle } from './bundle.ts'
import { describeChanged } from './changed.ts'
import { createGit } from './command.ts'
import { firstLook } from './snapshot.ts'
import { describeLargeFiles } from './large-files.ts'
import { limitWarnings, meanwhileWarnings } from './limits.ts'
import { readOperation, readWorktrees } from './operation.ts'
import { findTooLarge, writePatches } from './patches.ts'
import { isInStore } from './paths.ts'
import { describeSubmodules } from './submodules.ts'
import { describeUntracked } from './untracked.ts'
import type { JsonObject } from '../../core/json-value.ts'
import type { GitOptions } from '../../config/groups.ts'
import type { CaptureContext } from '../../core/component.ts'
import type { Git } from './command.ts'
import type { Commit } from './describe.ts'
import type { FirstLook } from './snapshot.ts'
import type { GitStatus } from './status.ts'

/** What no configuration decides. */
export interface GitCaptureSettings {
  /** Milliseconds for each call of git. @default 60000 */
  readonly timeout?: number | undefined
  /** Bytes over which the bundle is given up. @default 268435456 (256 MiB) */
  readonly bundleLimit?: number | undefined
  /**
   * `redact`: secrets of a known shape are replaced in added lines of patches, and untracked files that look like
   * secrets are not copied. `keep`: everything is kept as it is. @default 'redact'
   */
  readonly secrets?: 'redact' | 'keep' | undefined
  /** Variables git is given. @default those of this process */
  readonly environment?: NodeJS.ProcessEnv | undefined
}

/** Looks at the repository that a folder is in. That there is none is a finding. */
export async function captureGit(
  context: CaptureContext,
  options: GitOptions,
  settings: GitCaptureSettings,
): Promise<{ value: JsonObject; warnings: string[] }> {
  const { directory, signal } = context
  const { timeout = 60_000, environment = process.env } = settings
  const warnings: string[] = []
  try {
    const git = createGit({ directory, timeout, signal, environment })
    const look = await firstLook(git, directory)
    const { place, version, status } = look
    const { root, gitFolder } = place
    if (look.commit === null) {
      const branch = { branch: status.branch, operation: await readOperation(gitFolder) }
      const reason = 'the repository has no commit yet'
      return { value: { available: false, reason, root, ...branch }, warnings: [] }
    }
    const rooted = createGit({ directory: root, timeout, signal, environment })
    const value = await describe(rooted, look, look.commit, context, { ...settings, ...options }, warnings)
    return { value: { available: true, gitVersion: version, ...value, ...stashes(value, version) }, warnings }
  } catch (error) {
    if (!(error instanceof Absent)) throw error
    return { value: { available: false, reason: error.message }, warnings: [] }
  }
}

/** Before 2.35 git does not say how many stashes there are, and nothing said is not none. */
function stashes(value: JsonObject, version: string): JsonObject {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return { stashes: major > 2 || minor >= 35 ? (value['stashes'] ?? null) : null }
}

async function describe(
  git: Git,
  { place, status, settings, entries, tags, unpushed }: FirstLook,
  commit: Commit,
  context: CaptureContext,
  options: GitOptions & GitCaptureSettings,
  warnings: string[],
): Promise<JsonObject> {
  const { root, shallow, objectFormat, gitFolder, commonFolder } = place
  const { algorithm, signal, filesDirectory } = context
  const content = { root, algorithm, signal }
  const changed = await describeChanged(status.changed, content, warnings)
  const submodules = await describeSubmodules(git, root, entries.submodules, status.changed, warnings)
  const isOwn = await ownPaths(root, filesDirectory)
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
  const { patchLimit } = options
  const patches =
    filesDirectory === undefined || status.changed.length === 0
      ? null
      : await writePatches(
          git,
          {
            folder: filesDirectory,
            commit: commit.commit,
            limit: patchLimit,
            left: await findTooLarge(root, status.changed, patchLimit),
            keepSecrets,
            algorithm,
            signal,
          },
          warnings,
        )
  const isClean = status.changed.length === 0 && untracked.length === 0
  // Where nothing was kept, nothing can fail to belong together.
  if (filesDirectory !== undefined && !isClean)
    warnings.push(...(await meanwhileWarnings(git, status, changed, content, isOwn)))
  // What is still looked at does not lie in the work tree, or does not change with the run.
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
    root,
    // Where the run works, below the root; a command is run there again.
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
    ...lists(status),
    changed,
    untracked,
    submodules,
    largeFiles: await describeLargeFiles(git, root, entries.attributes, warnings),
    stashes: status.stashes,
    shallow,
    sparse: settings.sparse,
    partial: settings.partial,
    assumedUnchanged: entries.assumeUnchanged.map(({ text }) => text),
    skippedFiles: entries.skipped,
    patches,
  }
}

/** The changed files for people, by what happened to them. */
function lists({ changed }: GitStatus): Record<'staged' | 'modified' | 'conflicted', string[]> {
  const paths = (key: 'staged' | 'unstaged' | 'conflict'): string[] =>
    changed.filter((entry) => entry[key] !== null).map(({ path }) => path.text)
  return { staged: paths('staged'), modified: paths('unstaged'), conflicted: paths('conflict') }
}

/**
 * Whether a path below the root belongs to lineaprint: the records of runs are no part of what they record.
 *
 * @param folder The folder of this run's files, which is made.
 */
async function ownPaths(root: string, folder: string | undefined): Promise<(path: string) => boolean> {
  if (folder === undefined) return isInStore
  try {
    await mkdir(folder, { recursive: true })
  } catch (cause) {
    const message = 'the folder for files cannot be made'
    throw new LineaprintError('ERR_LINEAPRINT_STORE', message, { path: folder, cause })
  }
  const below = relative(await realpath(root), await realpath(folder))
    .split(sep)
    .join('/')
  return (path) => isInStore(path) || path.startsWith(`${below}/`)
}
