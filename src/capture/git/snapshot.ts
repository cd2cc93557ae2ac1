/**
 * The queries that every capture makes, run concurrently: git needs most of the time to scan the work tree,
 * and answers the other queries in the meantime.
 */
import { existsSync } from 'node:fs'
import { ignoreRejection } from '../../util/ignore-rejection.ts'
import { dirname, join } from 'node:path'
import { NotAvailable } from '../../util/not-available.ts'
import { ABSENCES } from './absence.ts'
import { locateRepository, readCommit, readSettings, readUnpushed } from './describe.ts'
import { readSizes } from './blob-sizes.ts'
import { indexEntriesOf, listIndex } from './index-entries.ts'
import { readStatus } from './status.ts'
import { readTrackedFiles } from './tracked-files.ts'
import type { BlobSizes } from './blob-sizes.ts'
import type { Git } from './command.ts'
import type { RepositoryLocation, Settings } from './describe.ts'
import type { IndexEntries } from './index-entries.ts'
import type { GitStatus } from './status.ts'
import type { KnownAnswers, TrackedFile } from './tracked-files.ts'
import type { Commit } from './types.ts'

/** The results of the queries. */
export interface RepositorySnapshot {
  readonly version: string
  readonly location: RepositoryLocation
  readonly status: GitStatus
  readonly settings: Settings
  readonly entries: IndexEntries
  /** The reason if git could not list them. */
  readonly tracked: readonly TrackedFile[] | NotAvailable
  /** Sizes of the tracked files whose bytes git does not compare; see `readSizes`. */
  readonly sizes: Promise<BlobSizes | undefined>
  /** `null` before the first commit. */
  readonly commit: Commit | null
  readonly tags: readonly string[]
  /** Number of commits that no remote is known to have; `null` if there is no remote. */
  readonly unpushed: number | null
}

/**
 * Read the state of the repository that a folder is in.
 *
 * @param git Works in that folder.
 * @throws NotAvailable with the reason, if there is no repository or git cannot read it.
 */
export async function readSnapshot(git: Git, directory: string): Promise<RepositorySnapshot> {
  // Without a repository, one query is sufficient to get the reason.
  if (!hasRepository(directory)) await locateWorkTree(git, directory)
  const pendingStatus = ignoreRejection(readStatus(git))
  const pendingLocation = ignoreRejection(locateWorkTree(git, directory))
  const version = ignoreRejection(readVersion(git))
  const settings = ignoreRejection(readSettings(git))
  const listing = ignoreRejection(listIndex(git))
  const entries = ignoreRejection(listing.then(indexEntriesOf))
  const tracked = ignoreRejection(
    readTracked(git, { listing, root: async () => (await pendingLocation).root }),
  )
  const sizes = ignoreRejection(
    Promise.all([tracked, settings]).then(([files, known]) =>
      files instanceof NotAvailable ? undefined : readSizes(git, files, known),
    ),
  )
  const head = ignoreRejection(readCommit(git, 'HEAD'))
  // The order decides which error is thrown if several queries fail.
  const location = await pendingLocation
  const status = await pendingStatus
  const rest = { version: await version, location, settings: await settings, status, sizes }
  if (status.commit === null)
    return {
      ...rest,
      entries: await entries,
      tracked: await tracked,
      commit: null,
      tags: [],
      unpushed: null,
    }
  const headCommit = await head
  // A commit that was made in between belongs to another state of the work tree.
  const { commit, tags } =
    headCommit.commit.commit === status.commit ? headCommit : await readCommit(git, status.commit)
  return {
    ...rest,
    entries: await entries,
    tracked: await tracked,
    commit,
    tags,
    unpushed: await countUnpushed(git, rest),
  }
}

async function readTracked(git: Git, known: KnownAnswers): Promise<readonly TrackedFile[] | NotAvailable> {
  try {
    return await readTrackedFiles(git, known)
  } catch (error) {
    if (error instanceof NotAvailable) return error
    throw error
  }
}

/** Return the number of unpushed commits. Git is called only if the status does not contain it. */
async function countUnpushed(
  git: Git,
  { status, settings }: Pick<RepositorySnapshot, 'status' | 'settings'>,
): Promise<number | null> {
  if (settings.remotes.length === 0) return null
  return status.upstream?.ahead === 0 ? 0 : readUnpushed(git)
}

async function locateWorkTree(git: Git, directory: string): Promise<RepositoryLocation> {
  const location = await locateRepository(git, directory)
  if (!location.workTree) throw new NotAvailable(ABSENCES.workTree)
  return location
}

async function readVersion(git: Git): Promise<string> {
  return (await git(['version'])).toString().trim().replace('git version ', '')
}

/** Return whether a folder or a parent holds a `.git`. This is a fast check; git makes the decision. */
function hasRepository(directory: string): boolean {
  for (let folder = directory; ; folder = dirname(folder)) {
    const isRepository = existsSync(join(folder, '.git'))
    if (isRepository || folder === dirname(folder)) return isRepository
  }
}
