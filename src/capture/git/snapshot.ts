/**
 * The questions that every capture asks a repository, all at once: git spends most of its time looking at the work
 * tree, and the others are answered meanwhile.
 */
import { dirname, join } from 'node:path'
import { Absent } from '../../util/not-available.ts'
import { isReachable } from '../../util/fs.ts'
import { findPlace, readCommit, readSettings, readUnpushed } from './describe.ts'
import { readIndexEntries } from './index-entries.ts'
import { readStatus } from './status.ts'
import type { Git } from './command.ts'
import type { Commit, Place, Settings } from './describe.ts'
import type { IndexEntries } from './index-entries.ts'
import type { GitStatus } from './status.ts'

/** What they answer. */
export interface FirstLook {
  readonly version: string
  readonly place: Place
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
 * Looks at the repository that a folder is in.
 *
 * @param git Works in that folder.
 * @throws Absent with the reason, where there is none or git cannot read it.
 */
export async function firstLook(git: Git, directory: string): Promise<FirstLook> {
  // Where there is none, one question is enough.
  if (!(await hasRepository(directory))) await place(git, directory)
  const status = later(readStatus(git))
  const where = later(place(git, directory))
  const version = later(readVersion(git))
  const settings = later(readSettings(git))
  const entries = later(readIndexEntries(git))
  const head = later(readCommit(git, 'HEAD'))
  const found = await where
  const looked = await status
  const rest = { version: await version, place: found, settings: await settings, status: looked }
  if (looked.commit === null)
    return { ...rest, entries: await entries, commit: null, tags: [], unpushed: null }
  const now = await head
  // A commit that was made in between belongs to another work tree.
  const { commit, tags } = now.commit.commit === looked.commit ? now : await readCommit(git, looked.commit)
  return { ...rest, entries: await entries, commit, tags, unpushed: await countUnpushed(git, rest) }
}

/** Git is asked only where the status does not say it. */
async function countUnpushed(
  git: Git,
  { status, settings }: Pick<FirstLook, 'status' | 'settings'>,
): Promise<number | null> {
  if (settings.remotes.length === 0) return null
  return status.upstream?.ahead === 0 ? 0 : readUnpushed(git)
}

/** The first that fails is told; the others may fail unheard. */
function later<T>(work: Promise<T>): Promise<T> {
  work.catch(() => undefined)
  return work
}

async function place(git: Git, directory: string): Promise<Place> {
  const found = await findPlace(git, directory)
  if (!found.workTree) throw new Absent('this folder is in a repository but not in a work tree')
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
