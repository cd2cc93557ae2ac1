/**
 * Patches that restore a work tree: `diff.patch` from the commit to the work tree, `staged.patch` from the
 * commit to the index.
 *
 * On a clean checkout of the commit, `git apply diff.patch` and then `git apply --cached staged.patch`
 * restore the same index and work tree.
 */
import { lstat } from 'node:fs/promises'
import { join } from 'node:path'
import { hashFile } from '../../hash/file.ts'
import { mapConcurrently } from '../../util/concurrency.ts'
import { writeDigests } from '../../core/digest.ts'
import { words } from '../../util/word-list.ts'
import { keepOutput } from './kept-output.ts'
import { PatchFilter } from '../../secrets/patches.ts'
import { absolutePath, writePath } from './paths.ts'
import { plural } from '../../util/plural.ts'
import type { AlgorithmChoice } from '../../core/digest.ts'
import type { Git } from './command.ts'
import type { GitPath } from './paths.ts'
import type { ChangedPath } from './status.ts'
import type { KeptPatch, Patches } from './types.ts'

/** A changed file that is too large to be kept. */
export interface ExcludedFile {
  readonly path: GitPath
  readonly size: number
}

/** Options for writing patches. */
export interface PatchOptions {
  readonly folder: string
  readonly commit: string
  /** Limit of the size of a patch in bytes; a larger one is not written. */
  readonly limit: number
  /** Changed files to exclude from the patch of the work tree. */
  readonly excluded: readonly ExcludedFile[]
  readonly keepSecrets: boolean
  readonly algorithm: AlgorithmChoice
  readonly signal?: AbortSignal | undefined
}

/**
 * Format options that override every setting of the user; `diff-index` reads none of the settings of `git
 * diff`.
 */
const FORMAT = words(
  '--patch --binary --full-index --no-ext-diff --no-textconv --no-color --no-renames --diff-algorithm=myers ' +
    '--unified=3 --inter-hunk-context=0 --src-prefix=a/ --dst-prefix=b/ --submodule=short --no-relative',
)

/** Write both patches and return their entries for the record. An empty patch is not written. */
export async function writePatches(git: Git, options: PatchOptions, warnings: string[]): Promise<Patches> {
  const { commit, excluded } = options
  // A patch cannot contain changes inside a submodule, but it can contain its commit, which is also a part of
  // the index.
  const diff = [
    'diff-index',
    ...FORMAT,
    '--ignore-submodules=dirty',
    commit,
    '--',
    ...excludePathspecs(excluded),
  ]
  const staged = ['diff-index', '--cached', ...FORMAT, '--ignore-submodules=none', commit, '--']
  for (const { path, size } of excluded)
    warnings.push(`the changes of ${JSON.stringify(path.text)} were not kept: it has ${size} bytes`)
  return {
    left: excluded.map(({ path, size }) => ({ ...writePath(path), size })),
    diff: await writePatch(git, diff, 'diff.patch', options, warnings),
    staged: await writePatch(git, staged, 'staged.patch', options, warnings),
  }
}

/** Return the pathspecs that exclude these files. */
function excludePathspecs(excluded: readonly ExcludedFile[]): string[] {
  return excluded.length === 0
    ? []
    : [':/', ...excluded.map(({ path }) => `:(top,exclude,literal)${path.text}`)]
}

/**
 * Return the changed files that are larger than the limit of a patch. Git would load such a file into memory,
 * and the whole patch would be discarded. A name that is not UTF-8 cannot be excluded; then only the limit of
 * the patch applies.
 */
export async function findTooLarge(
  root: string,
  changed: readonly ChangedPath[],
  limit: number,
): Promise<ExcludedFile[]> {
  const files = await mapConcurrently(changed, 8, async ({ path, submodule }) => {
    if (submodule !== null || !path.utf8) return undefined
    const stat = await lstat(absolutePath(root, path)).catch(() => undefined)
    return stat?.isFile() === true && stat.size > limit ? { path, size: stat.size } : undefined
  })
  return files.filter((file) => file !== undefined)
}

async function writePatch(
  git: Git,
  args: readonly string[],
  name: string,
  options: PatchOptions,
  warnings: string[],
): Promise<KeptPatch> {
  const { folder, algorithm, signal, limit, keepSecrets } = options
  const path = join(folder, name)
  const filter = new PatchFilter()
  const kept = await keepOutput(git, args, {
    path,
    label: 'a patch',
    limit,
    filter: keepSecrets ? undefined : filter,
  })
  if (kept.status === 'absent') warnings.push(`${name} was not written: ${kept.reason}`)
  if (kept.status !== 'written') return kept
  if (filter.redacted > 0) {
    warnings.push(`${filter.redacted} added lines of ${name} looked like secrets and were replaced`)
  }
  if (filter.unread > 0)
    warnings.push(
      `${plural(filter.unread, 'line')} of ${name} ${filter.unread === 1 ? 'was' : 'were'} too long to scan for secrets`,
    )
  const { digests } = await hashFile(path, { algorithm, signal })
  return {
    status: 'written',
    file: name,
    size: kept.size,
    digests: writeDigests(digests),
    redactedLines: filter.redacted,
  }
}
