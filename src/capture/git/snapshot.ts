/**
 * The questions that every capture asks a repository, all at once: git spends most of its time looking at the work
 * tree, and the others are answered meanwhile.
 */
import { isReachable } from '../../util/fs.ts'
import { dirname, join } from 'node:path'
import { NotAvailable } from '../../util/not-available.ts'
import { locateRepository, readCommit, readSettings, readUnpushed } from './describe.ts'
import { readIndexEntries } from './index-entries.ts'
import { readStatus } from './status.ts'
import type { Git } from './command.ts'
import type { RepositoryLocation, Settings } from './describe.ts'
import type { IndexEntries } from './index-entries.ts'
import type { GitStatus } from './status.ts'
import type { Commit } from './types.ts'

/** What they answer. */
export interface RepositorySnapshot {
  readonly version: string
  readonly location: RepositoryLocation
  readonly status: GitStatus
  readonly settings: Settings
  readonly entries: IndexEntries
  /** `null` before the first commit. */
  readonly commit: Commit | null
  readonly tags: readonly string[]
  /** Commits that no remote is known to have; `null` where there is no remote. */
  readonly unpushed: number | null
}

/**
 * Read what every capture needs of the repository that a folder is in.
 *
 * @param git Works in that folder.
 * @throws NotAvailable with the reason, where there is none or git cannot read it.
 */
export async function readSnapshot(git: Git, directory: string): Promise<RepositorySnapshot> {
  // Where there is none, one question is enough.
  if (!(await hasRepository(directory))) await locateWorkTree(git, directory)
  const pendingStatus = ignoreRejection(readStatus(git))
  const pendingLocation = ignoreRejection(locateWorkTree(git, directory))
  const version = ignoreRejection(readVersion(git))
  const settings = ignoreRejection(readSettings(git))
  const entries = ignoreRejection(readIndexEntries(git))
  const head = ignoreRejection(readCommit(git, 'HEAD'))
  // In this order: of several that fail, the first gives the reason.
  const location = await pendingLocation
  const status = await pendingStatus
  const rest = { version: await version, location, settings: await settings, status }
  if (status.commit === null)
    return { ...rest, entries: await entries, commit: null, tags: [], unpushed: null }
  const now = await head
  // A commit that was made in between belongs to another work tree.
  const { commit, tags } = now.commit.commit === status.commit ? now : await readCommit(git, status.commit)
  return { ...rest, entries: await entries, commit, tags, unpushed: await countUnpushed(git, rest) }
}

/** Git is asked only where the status does not say it. */
async function countUnpushed(
  git: Git,
  { status, settings }: Pick<RepositorySnapshot, 'status' | 'settings'>,
): Promise<number | null> {
  if (settings.remotes.length === 0) return null
  return status.upstream?.ahead === 0 ? 0 : readUnpushed(git)
}

/** Return the promise as it is. Of several, the first rejection is awaited and the others may go unhandled. */
function ignoreRejection<T>(work: Promise<T>): Promise<T> {
  work.catch(() => undefined)
  return work
}

async function locateWorkTree(git: Git, directory: string): Promise<RepositoryLocation> {
  const found = await locateRepository(git, directory)
  if (!found.workTree) throw new NotAvailable('this folder is in a repository but not in a work tree')
  return found
}

async function readVersion(git: Git): Promise<string> {
  return (await git(['version'])).toString().trim().replace('git version ', '')
}

/** Whether a folder or one above it holds a `.git`: a quick look, and git has the last word. */
async function hasRepository(directory: string): Promise<boolean> {
  for (let folder = directory; ; folder = dirname(folder)) {
    const isHere = await isReachable(join(folder, '.git'))
    if (isHere || folder === dirname(folder)) return isHere
  }
}
