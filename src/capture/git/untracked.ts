/**
 * Untracked files: all are hashed, and copied if the run keeps files.
 *
 * Files above a size limit and files that usually hold secrets are not copied. Links are recorded with their
 * target and never followed.
 */
import type { GitOptions } from '../../config/groups.ts'
import { isUtf8 } from 'node:buffer'
import { lstat } from 'node:fs/promises'
import { plural } from '../../util/plural.ts'
import { mapConcurrently } from '../../util/concurrency.ts'
import { failed, hashContents, hashLink } from './content.ts'
import { absolutePath, escapeBytes, isContained, writePath } from './paths.ts'
import { isSecretFile } from '../../secrets/file-names.ts'
import { redactText } from '../../secrets/redact.ts'
import { readCheckedOut } from './submodules.ts'
import { copyFile } from './untracked-copy.ts'
import type { Stats } from 'node:fs'
import type { Git } from './command.ts'
import type { ContentOptions } from './content.ts'
import type { GitPath } from './paths.ts'
import type { UntrackedEntry, UntrackedFile } from './types.ts'
import type { ReadNested } from './submodules.ts'
import type { CopiedFile, CopyOptions } from './untracked-copy.ts'

/** Options for keeping untracked files. */
export type UntrackedOptions = CopyOptions &
  Pick<GitOptions, 'untrackedLimit' | 'untrackedFileLimit'> & { readonly readNested: ReadNested }

interface Described {
  readonly entry: UntrackedEntry
  readonly warning?: string
}

/** Number of files that are open concurrently, each of them in memory. */
const AT_ONCE = 8

interface Candidate {
  readonly path: GitPath
  readonly stat: Stats | undefined
  /** Reason why it is not copied; `undefined` if it is copied. */
  readonly skipReason?: string | undefined
}

/**
 * Return untracked paths in their recorded form, and copy the files to keep.
 *
 * @param paths Sorted by their bytes: with a limit on the total, the order decides which files are kept.
 * @param warnings Gets a message for each entry that cannot be restored.
 */
export async function describeUntracked(
  git: Git,
  paths: readonly GitPath[],
  options: UntrackedOptions,
  warnings: string[],
): Promise<UntrackedEntry[]> {
  const candidates = await choose(paths, options)
  const files = candidates.filter(
    ({ stat, skipReason }) => stat?.isFile() === true && skipReason !== undefined,
  )
  const hashed = await hashContents(
    files.map(({ path }) => path),
    options,
  )
  const contents = new Map(files.map((file, index) => [file, hashed[index]]))
  const { signal, root } = options
  const described = await mapConcurrently(candidates, AT_ONCE, async (file): Promise<Described> => {
    signal?.throwIfAborted()
    const { path, stat, skipReason } = file
    const name = JSON.stringify(path.text)
    if (path.text.endsWith('/')) {
      const { commit } = await readCheckedOut(git, root, path)
      const content = await options.readNested(git, path, options, 'repository')
      const warning =
        content.status === 'captured'
          ? `${name} is another repository; only its commit and the digests of its changes are recorded`
          : `${name} is another repository, and changes inside it are not known: ${content.reason}`
      return { entry: { ...writePath(path), kind: 'repository', commit, content }, warning }
    }
    if (stat?.isSymbolicLink() === true) return describeLink(path, options)
    if (stat?.isFile() !== true) {
      const warning = `${name} was deleted, or is not a file or a symbolic link`
      return { entry: { ...writePath(path), kind: 'other' }, warning }
    }
    const copied: CopiedFile =
      skipReason === undefined
        ? await copyFile(path, stat, options)
        : { content: contents.get(file) ?? failed('it was not hashed'), reason: skipReason }
    const { content, reason, redacted } = copied
    const entry = describeFile(path, stat, copied)
    if (content.status === 'failed') return { entry, warning: `${name} was not read: ${content.reason}` }
    if (redacted !== undefined)
      return {
        entry,
        warning: `${plural(redacted, 'secret')} in the copy of ${name} ${redacted === 1 ? 'was' : 'were'} replaced`,
      }
    if (reason === undefined || options.copyTo === undefined) return { entry }
    return { entry, warning: `the untracked file ${name} was not kept: ${reason}` }
  })
  warnings.push(...described.flatMap(({ warning }) => warning ?? []))
  return described.map(({ entry }) => entry)
}

/**
 * Decide for every path whether it is copied, before any file is copied, so that the decision depends only on
 * paths and sizes.
 */
async function choose(paths: readonly GitPath[], options: UntrackedOptions): Promise<Candidate[]> {
  const stats = await mapConcurrently(paths, AT_ONCE, (path) =>
    lstat(absolutePath(options.root, path)).catch(() => undefined),
  )
  let total = 0
  return paths.map((path, index) => {
    const stat = stats[index]
    const size = stat?.size ?? 0
    const skipReason = reasonToSkip(path, size, total, options)
    if (skipReason === undefined && stat?.isFile() === true) total += size
    return { path, stat, skipReason }
  })
}

function reasonToSkip(
  path: GitPath,
  size: number,
  total: number,
  options: UntrackedOptions,
): string | undefined {
  const { copyTo, untrackedFileLimit, untrackedLimit, keepSecrets } = options
  if (copyTo === undefined) return 'no files are copied (git.untrackedLimit is 0)'
  if (!isContained(path)) return 'its path is outside the repository'
  if (!keepSecrets && isSecretFile(path.text)) return 'files with this name usually contain secrets'
  if (!keepSecrets && redactText(path.text) !== path.text) return 'its name may contain a secret'
  if (size > untrackedFileLimit) return `it is over ${untrackedFileLimit} bytes`
  return total + size > untrackedLimit ? `the total is over ${untrackedLimit} bytes` : undefined
}

async function describeLink(path: GitPath, options: ContentOptions): Promise<Described> {
  const content = await hashLink(path, options)
  const known = { ...writePath(path), kind: 'link', mode: '120000' } as const
  if (content.status === 'failed' || content.target === undefined) {
    return { entry: known, warning: `the link ${JSON.stringify(path.text)} could not be read` }
  }
  const { target, digests } = content
  const written = isUtf8(target)
    ? { target: target.toString() }
    : { target: escapeBytes(target), targetBytes: target.toString('hex') }
  return { entry: { ...known, ...written, digests } }
}

function describeFile(path: GitPath, stat: Stats, { content, reason, redacted }: CopiedFile): UntrackedFile {
  const file = {
    ...writePath(path),
    kind: 'file',
    mode: (stat.mode & 0o100) === 0 ? '100644' : '100755',
    size: content.status === 'hashed' ? content.size : stat.size,
  } as const
  if (content.status === 'failed') return { ...file, digests: null, kept: false, reason: content.reason }
  const { digests } = content
  return reason === undefined
    ? { ...file, digests, kept: true, reason: null, ...(redacted !== undefined && { redacted }) }
    : { ...file, digests, kept: false, reason }
}
