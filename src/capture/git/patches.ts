/**
 * Patches that restore a work tree: `diff.patch` from the commit to the work tree, `staged.patch` from the
 * commit to the index.
 *
 * On a clean checkout of the commit, `git apply diff.patch` and then `git apply --cached staged.patch`
 * restore the same index and work tree.
 */
import { lstat, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { hashFile } from '../../hash/file.ts'
import { mapConcurrently } from '../../util/concurrency.ts'
import { writeDigests } from '../../core/digest.ts'
import { words } from '../../util/word-list.ts'
import { keepOutput } from './kept-output.ts'
import { PatchFilter } from '../../secrets/patches.ts'
import { absolutePath, gitPath, writePath } from './paths.ts'
import type { AlgorithmChoice } from '../../core/digest.ts'
import type { Git } from './command.ts'
import type { KeptOutput } from './kept-output.ts'
import type { GitPath } from './paths.ts'
import type { ChangedPath } from './status.ts'
import type { KeptPatch, Patches } from './types.ts'

/** A changed file that is too large to be kept, or has a secret where none can be replaced. */
export interface ExcludedFile {
  readonly path: GitPath
  readonly size: number
  /** Absent if its size is the reason. */
  readonly reason?: string
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
  const { commit } = options
  const excluded = [...options.excluded]
  // A patch cannot contain changes inside a submodule, but it can contain its commit, which is also a part of
  // the index.
  const diff = ['diff-index', ...FORMAT, '--ignore-submodules=dirty', commit, '--']
  const staged = ['diff-index', '--cached', ...FORMAT, '--ignore-submodules=none', commit, '--']
  const [diffPatch, leftOfDiff] = await writePatch(git, diff, 'diff.patch', excluded, options, warnings)
  const [stagedPatch, leftOfStaged] = await writePatch(git, staged, 'staged.patch', [], options, warnings)
  const known = new Set(leftOfDiff.map(({ path }) => path.text))
  const left = [...excluded, ...leftOfDiff, ...leftOfStaged.filter(({ path }) => !known.has(path.text))]
  for (const { path, size, reason = `it has ${size} bytes` } of left)
    warnings.push(`the changes of ${JSON.stringify(path.text)} were not kept: ${reason}`)
  return {
    left: left.map(({ path, size, reason }) => ({
      ...writePath(path),
      size,
      ...(reason !== undefined && { reason }),
    })),
    diff: diffPatch,
    staged: stagedPatch,
  }
}

/** Why the changes of a file are not kept. */
const SECRET_OUTSIDE = 'its name, or a line that did not change, may contain a secret'

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

/**
 * Write a patch, once more without the files that have a secret where none can be replaced.
 *
 * @returns Its entry for the record, and these files.
 */
async function writePatch(
  git: Git,
  args: readonly string[],
  name: string,
  excluded: readonly ExcludedFile[],
  options: PatchOptions,
  warnings: string[],
): Promise<[KeptPatch, readonly ExcludedFile[]]> {
  const { folder, limit, keepSecrets } = options
  const path = join(folder, name)
  const write = async (left: readonly ExcludedFile[]): Promise<[KeptOutput, PatchFilter]> => {
    const filter = new PatchFilter()
    const settings = { path, label: 'a patch', limit, filter: keepSecrets ? undefined : filter }
    return [await keepOutput(git, [...args, ...excludePathspecs(left)], settings), filter]
  }
  let [kept, filter] = await write(excluded)
  const unusable = [...filter.unusableFiles].map((file): ExcludedFile => {
    return { path: gitPath(Buffer.from(file, 'latin1')), size: 0, reason: SECRET_OUTSIDE }
  })
  if (kept.status === 'written' && unusable.length > 0) {
    await rm(path)
    const isNamed = unusable.every((file) => file.path.utf8)
    if (isNamed) [kept, filter] = await write([...excluded, ...unusable])
    if (!isNamed || filter.unusableFiles.size > 0) {
      await rm(path, { force: true })
      kept = { status: 'absent', reason: SECRET_OUTSIDE }
    }
  }
  return [await describePatch(kept, filter, name, options, warnings), unusable]
}

async function describePatch(
  kept: KeptOutput,
  filter: PatchFilter,
  name: string,
  { folder, algorithm, signal }: PatchOptions,
  warnings: string[],
): Promise<KeptPatch> {
  const path = join(folder, name)
  if (kept.status === 'absent') warnings.push(`${name} was not written: ${kept.reason}`)
  if (kept.status !== 'written') return kept
  if (filter.redacted > 0) {
    warnings.push(`${filter.redacted} added lines of ${name} looked like secrets and were replaced`)
  }
  const { digests } = await hashFile(path, { algorithm, signal })
  return {
    status: 'written',
    file: name,
    size: kept.size,
    digests: writeDigests(digests),
    redactedLines: filter.redacted,
    ...(filter.redactedFiles.size > 0 && {
      redactedFiles: [...filter.redactedFiles].map((file) => writePath(gitPath(Buffer.from(file, 'latin1')))),
    }),
  }
}
