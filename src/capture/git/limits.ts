/**
 * Warnings about state of a repository that cannot be detected, or cannot be restored from the kept files.
 */
import { NotAvailable } from '../../util/not-available.ts'
import { describeChanged } from './changed.ts'
import { readStatus } from './status.ts'
import { plural } from '../../util/plural.ts'
import { filtersOf } from './filters.ts'
import type { Git } from './command.ts'
import type { ContentOptions } from './content.ts'
import type { Settings } from './describe.ts'
import type { IndexEntries } from './index-entries.ts'
import type { GitStatus } from './status.ts'
import type { ChangedFile, KeptBundle } from './types.ts'

/** Parts of the capture that can be limited, in addition to the status. */
interface Limited {
  readonly settings: Settings
  readonly entries: IndexEntries
  /** Number of commits that no remote is known to have; `null` if there is no remote. */
  readonly unpushed: number | null
  /** The entry of the bundle that holds them. */
  readonly bundle: KeptBundle | null
}

/**
 * Return warnings about the limits of a capture.
 *
 * @param kept True if patches were written.
 */
export async function limitWarnings(
  git: Git,
  status: GitStatus,
  { settings, entries, unpushed, bundle }: Limited,
  kept: boolean,
): Promise<string[]> {
  const warnings: string[] = []
  const { assumeUnchanged, skipped } = entries
  if (assumeUnchanged.length > 0) {
    warnings.push(
      `${plural(assumeUnchanged.length, 'file is', 'files are')} marked assume-unchanged: only the digests of their bytes are recorded`,
    )
  }
  if (skipped > 0 && !settings.sparse) {
    warnings.push(
      `${plural(skipped, 'file is', 'files are')} marked skip-worktree: only the digests of their bytes are recorded`,
    )
  }
  const conflicts = status.changed.filter(({ conflict }) => conflict !== null).length
  if (conflicts > 0 && kept) {
    warnings.push(
      `${plural(conflicts, 'file is', 'files are')} in conflict: their work tree is kept, the state of the merge is not`,
    )
  }
  // A repository without a remote is intended to be the only copy.
  if (unpushed !== null && unpushed > 0 && bundle?.status !== 'written') {
    warnings.push(
      `${plural(unpushed, 'commit is', 'commits are')} not on any remote: only this clone has them`,
    )
  }
  if (kept) warnings.push(...(await filterWarnings(git, status)))
  return warnings
}

/**
 * Read the status again after all files were written, and warn if the work tree changed in between, because
 * the capture is then inconsistent.
 *
 * @param changed Changed files of the first status, in their recorded form.
 * @param isOwn Checks whether a path belongs to lineaprint, which writes files in the meantime.
 */
export async function concurrentChangeWarnings(
  git: Git,
  status: GitStatus,
  changed: readonly ChangedFile[],
  options: ContentOptions,
  isOwn: (path: string) => boolean,
): Promise<string[]> {
  const current = await readStatus(git)
  const names = ({ untracked }: GitStatus): string =>
    JSON.stringify(untracked.map(({ text }) => text).filter((text) => !isOwn(text)))
  const same =
    current.commit === status.commit &&
    names(current) === names(status) &&
    JSON.stringify(await describeChanged(current.changed, options, [])) === JSON.stringify(changed)
  return same ? [] : ['the work tree changed during the capture: patches and digests may not match']
}

/** Warn about files that git stores in another form than on disk, for example those of Git LFS. */
async function filterWarnings(git: Git, status: GitStatus): Promise<string[]> {
  const files = status.changed.filter(({ submodule }) => submodule === null)
  if (files.length === 0) return []
  let filters: Set<string>
  try {
    const filtered = await filtersOf(
      git,
      files.map(({ path }) => path),
    )
    filters = new Set(filtered.map(([, name]) => name))
  } catch (error) {
    if (!(error instanceof NotAvailable)) throw error
    return [`the git filters could not be listed: ${error.message}`]
  }
  return [...filters].map(
    (name) =>
      `files with the filter ${JSON.stringify(name)} are in the patch after filtering, not as stored on disk`,
  )
}
