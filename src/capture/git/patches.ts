/**
 * The patches that bring a work tree back: `diff.patch` from the commit to the work tree, `staged.patch` from the
 * commit to the index.
 *
 * On a clean checkout of the commit, `git apply diff.patch` and then `git apply --cached staged.patch` give the
 * same index and work tree.
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
import type { AlgorithmChoice } from '../../core/digest.ts'
import type { Git } from './command.ts'
import type { GitPath } from './paths.ts'
import type { ChangedPath } from './status.ts'
import type { KeptPatch, Patches } from './types.ts'

/** A changed file that is too large to be kept. */
export interface LeftFile {
  readonly path: GitPath
  readonly size: number
}

/** How patches are written. */
export interface PatchOptions {
  readonly folder: string
  readonly commit: string
  /** Bytes over which a patch is given up. */
  readonly limit: number
  /** Changed files that are not in the patch of the work tree. */
  readonly left: readonly LeftFile[]
  readonly keepSecrets: boolean
  readonly algorithm: AlgorithmChoice
  readonly signal?: AbortSignal | undefined
}

/** Independent of every setting of the user; `diff-index` reads none of `git diff`'s. */
const FORMAT = words(
  '--patch --binary --full-index --no-ext-diff --no-textconv --no-color --no-renames --diff-algorithm=myers ' +
    '--unified=3 --inter-hunk-context=0 --src-prefix=a/ --dst-prefix=b/ --submodule=short --no-relative',
)

/** Writes both patches and gives their entries for the record. An empty one is not written. */
export async function writePatches(git: Git, options: PatchOptions, warnings: string[]): Promise<Patches> {
  const { commit, left } = options
  // Changes inside a submodule cannot be in a patch; its commit can, and is a part of the index as well.
  const diff = ['diff-index', ...FORMAT, '--ignore-submodules=dirty', commit, '--', ...without(left)]
  const staged = ['diff-index', '--cached', ...FORMAT, '--ignore-submodules=none', commit, '--']
  for (const { path, size } of left)
    warnings.push(`the changes of ${JSON.stringify(path.text)} were not kept: it has ${size} bytes`)
  return {
    left: left.map(({ path, size }) => ({ ...writePath(path), size })),
    diff: await writePatch(git, diff, 'diff.patch', options, warnings),
    staged: await writePatch(git, staged, 'staged.patch', options, warnings),
  }
}

/** Everything but these files, as git wants it said. */
function without(left: readonly LeftFile[]): string[] {
  return left.length === 0 ? [] : [':/', ...left.map(({ path }) => `:(top,exclude,literal)${path.text}`)]
}

/**
 * The changed files that are larger than a patch may be. Git would hold such a file in memory, and the patch would be
 * given up with all that is in it. A name that is not UTF-8 cannot be told to git; the limit of the patch holds there.
 */
export async function findTooLarge(
  root: string,
  changed: readonly ChangedPath[],
  limit: number,
): Promise<LeftFile[]> {
  const found = await mapConcurrently(changed, 8, async ({ path, submodule }) => {
    if (submodule !== null || !path.utf8) return undefined
    const stat = await lstat(absolutePath(root, path)).catch(() => undefined)
    return stat?.isFile() === true && stat.size > limit ? { path, size: stat.size } : undefined
  })
  return found.filter((one) => one !== undefined)
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
    what: 'a patch',
    limit,
    filter: keepSecrets ? undefined : filter,
  })
  if (kept.status === 'absent') warnings.push(`${name} was not written: ${kept.reason}`)
  if (kept.status !== 'written') return kept
  if (filter.redacted > 0) {
    warnings.push(`${filter.redacted} added lines of ${name} looked like secrets and were replaced`)
  }
  if (filter.unread > 0) warnings.push(`${filter.unread} lines of ${name} were too long to scan for secrets`)
  const { digests } = await hashFile(path, { algorithm, signal })
  return {
    status: 'written',
    file: name,
    size: kept.size,
    digests: writeDigests(digests),
    redactedLines: filter.redacted,
  }
}
