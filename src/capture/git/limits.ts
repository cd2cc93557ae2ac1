/** What of a repository cannot be seen, or cannot be brought back from what was kept. */
import { NotAvailable } from '../../util/not-available.ts'
import { describeChanged } from './changed.ts'
import { readStatus, splitNul } from './status.ts'
import type { Git } from './command.ts'
import type { ContentOptions } from './content.ts'
import type { Settings } from './describe.ts'
import type { IndexEntries } from './index-entries.ts'
import type { GitStatus } from './status.ts'
import type { ChangedFile, KeptBundle } from './types.ts'

/** What beside the status has limits. */
interface Limited {
  readonly settings: Settings
  readonly entries: IndexEntries
  /** Commits that no remote is known to have, `null` where there is no remote. */
  readonly unpushed: number | null
  /** The entry of the bundle that holds them. */
  readonly bundle: KeptBundle | null
}

/**
 * Plain sentences about the limits of a capture.
 *
 * @param kept Whether patches were written.
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
      `${assumeUnchanged.length} files are marked assume-unchanged: changes to them cannot be seen`,
    )
  }
  if (skipped > 0 && !settings.sparse) {
    warnings.push(`${skipped} files are marked skip-worktree: changes to them cannot be seen`)
  }
  const conflicts = status.changed.filter(({ conflict }) => conflict !== null).length
  if (conflicts > 0 && kept) {
    warnings.push(
      `${conflicts} files are in conflict: their work tree is kept, the state of the merge is not`,
    )
  }
  // Without a remote a repository is meant to be the only one.
  if (unpushed !== null && unpushed > 0 && bundle?.status !== 'written') {
    const verb = unpushed === 1 ? 'commit is' : 'commits are'
    warnings.push(`${unpushed} ${verb} not on any remote: only this clone has them`)
  }
  if (kept) warnings.push(...(await filterWarnings(git, status)))
  return warnings
}

/**
 * A second look, when everything was written: what changed in between is half in the capture.
 *
 * @param changed What the first look found of changed files, in the form of the record.
 * @param isOwn Whether a path belongs to lineaprint, which writes meanwhile.
 */
export async function meanwhileWarnings(
  git: Git,
  status: GitStatus,
  changed: readonly ChangedFile[],
  options: ContentOptions,
  isOwn: (path: string) => boolean,
): Promise<string[]> {
  const now = await readStatus(git)
  const names = ({ untracked }: GitStatus): string =>
    JSON.stringify(untracked.map(({ text }) => text).filter((text) => !isOwn(text)))
  const same =
    now.commit === status.commit &&
    names(now) === names(status) &&
    JSON.stringify(await describeChanged(now.changed, options, [])) === JSON.stringify(changed)
  return same ? [] : ['the work tree changed during the capture: patches and digests may not match']
}

/** Files that git does not store as they lie on disk, such as those of Git LFS. */
async function filterWarnings(git: Git, status: GitStatus): Promise<string[]> {
  const files = status.changed.filter(({ submodule }) => submodule === null)
  if (files.length === 0) return []
  const input = Buffer.concat(files.flatMap(({ path }) => [path.bytes, Buffer.from([0])]))
  let answer: Buffer[]
  try {
    answer = splitNul(await git(['check-attr', '-z', '--stdin', 'filter'], { input }))
  } catch (error) {
    if (!(error instanceof NotAvailable)) throw error
    return [`the git filters could not be listed: ${error.message}`]
  }
  const filters = new Set<string>()
  // Three pieces each: path, attribute, value.
  for (let index = 2; index < answer.length; index += 3) {
    const value = answer[index]?.toString() ?? ''
    if (value !== 'unspecified' && value !== 'unset') filters.add(value)
  }
  return [...filters].map(
    (name) =>
      `files with the filter ${JSON.stringify(name)} are in the patch after filtering, not as stored on disk`,
  )
}
