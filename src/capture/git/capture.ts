/** Puts the parts of the git capture together. */
import { mkdir, realpath } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { LineaprintError } from '../../errors.ts'
import { Absent } from '../absent.ts'
import { describeChanged } from './changed.ts'
import { createGit } from './command.ts'
import { findPlace, readCommit, readSettings, readTags } from './describe.ts'
import { readIndexEntries } from './index-entries.ts'
import { limitWarnings, meanwhileWarnings } from './limits.ts'
import { writePatches } from './patches.ts'
import { readStatus } from './status.ts'
import { describeSubmodules } from './submodules.ts'
import { describeUntracked } from './untracked.ts'
import type { JsonObject } from '../../json/value.ts'
import type { CaptureContext } from '../component.ts'
import type { Git } from './command.ts'
import type { Place } from './describe.ts'
import type { GitStatus } from './status.ts'

/** Options of the git capture. */
export interface GitCaptureOptions {
  /** Milliseconds for each call of git. @default 60000 */
  readonly timeout?: number | undefined
  /** Bytes over which an untracked file is not copied. @default 10 MiB */
  readonly fileLimit?: number | undefined
  /** Bytes of all copied untracked files together. @default 100 MiB */
  readonly totalLimit?: number | undefined
  /** Bytes over which a patch is given up. @default 256 MiB */
  readonly patchLimit?: number | undefined
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
  options: GitCaptureOptions,
): Promise<{ value: JsonObject; warnings: string[] }> {
  const { directory, signal } = context
  const { timeout = 60_000, environment = process.env } = options
  const warnings: string[] = []
  try {
    const git = createGit({ directory, timeout, signal, environment })
    const [version, place] = await Promise.all([readVersion(git), findPlace(git)])
    if (!place.workTree) throw new Absent('this folder is in a repository but not in a work tree')
    const rooted = createGit({ directory: place.root, timeout, signal, environment })
    const value = await describe(rooted, place, context, options, warnings)
    return { value: { available: true, gitVersion: version, ...value, ...stashes(value, version) }, warnings }
  } catch (error) {
    if (!(error instanceof Absent)) throw error
    return { value: { available: false, reason: error.message }, warnings: [] }
  }
}

async function readVersion(git: Git): Promise<string> {
  return (await git(['version'])).toString().trim().replace('git version ', '')
}

/** Before 2.35 git does not say how many stashes there are, and nothing said is not none. */
function stashes(value: JsonObject, version: string): JsonObject {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return { stashes: major > 2 || minor >= 35 ? (value['stashes'] ?? null) : null }
}

async function describe(
  git: Git,
  place: Place,
  context: CaptureContext,
  options: GitCaptureOptions,
  warnings: string[],
): Promise<JsonObject> {
  const { root, shallow, objectFormat } = place
  const { algorithm, signal, filesDirectory } = context
  const status = await readStatus(git)
  if (status.commit === null) throw new Absent('the repository has no commit yet')
  const [commit, tags, settings, entries] = await Promise.all([
    readCommit(git, status.commit),
    readTags(git, status.commit),
    readSettings(git),
    readIndexEntries(git),
  ])
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
      fileLimit: options.fileLimit ?? 10 << 20,
      totalLimit: options.totalLimit ?? 100 << 20,
      keepSecrets,
    },
    warnings,
  )
  const patches =
    filesDirectory === undefined || status.changed.length === 0
      ? null
      : await writePatches(
          git,
          {
            folder: filesDirectory,
            commit: status.commit,
            limit: options.patchLimit ?? 256 << 20,
            keepSecrets,
            algorithm,
            signal,
          },
          warnings,
        )
  warnings.push(...(await limitWarnings(git, status, settings, entries, filesDirectory !== undefined)))
  if (filesDirectory !== undefined) {
    warnings.push(...(await meanwhileWarnings(git, status, changed, content, isOwn)))
  }
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
    tags,
    upstream: status.upstream,
    remotes: settings.remotes,
    clean: status.changed.length === 0 && untracked.length === 0,
    ...lists(status),
    changed,
    untracked,
    submodules,
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
  if (folder === undefined) return inStore
  try {
    await mkdir(folder, { recursive: true })
  } catch (cause) {
    const message = 'the folder for files cannot be made'
    throw new LineaprintError('ERR_LINEAPRINT_STORE', message, { path: folder, cause })
  }
  const below = relative(await realpath(root), await realpath(folder))
    .split(sep)
    .join('/')
  return (path) => inStore(path) || path.startsWith(`${below}/`)
}

function inStore(path: string): boolean {
  return path.split('/').includes('.lineaprint')
}
