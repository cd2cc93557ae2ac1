/**
 * The questions to git that a run asks first, started before the rest of the run is loaded: git answers them in processes
 * of its own. They only read.
 */
import { ignoreRejection } from '../../util/ignore-rejection.ts'
import { createGit } from './command.ts'
import { readSnapshot } from './snapshot.ts'
import type { GitOptions } from './command.ts'
import type { RepositorySnapshot } from './snapshot.ts'

/** Time limit for each call of git in milliseconds. */
export const GIT_TIMEOUT_MS = 60_000

/** The values that the answers depend on. */
type Question = Pick<GitOptions, 'directory' | 'environment' | 'timeout' | 'disabledFilters' | 'transport'>

let early: { readonly question: string; readonly snapshot: Promise<RepositorySnapshot> } | undefined

/**
 * Start the questions about a folder. The first capture with the same question gets the answers; if there is none, the
 * programs are killed when this process exits, at the latest.
 */
export function startEarlySnapshot(directory: string, environment: NodeJS.ProcessEnv): void {
  const options = { directory, environment, timeout: GIT_TIMEOUT_MS }
  // The capture that awaits the answers gets the error.
  const snapshot = ignoreRejection(readSnapshot(createGit(options), directory))
  early = { question: keyOf(options), snapshot }
}

/** Read the state of a repository, or return the answers of the early start if the question is the same. */
export function readSnapshotEarly(options: GitOptions): Promise<RepositorySnapshot> {
  const snapshot = early?.question === keyOf(options) ? early.snapshot : undefined
  // A later capture must detect changes, so the answers are used only once.
  early = undefined
  return snapshot ?? readSnapshot(createGit(options), options.directory)
}

function keyOf({ directory, environment, timeout, disabledFilters = [], transport }: Question): string {
  return JSON.stringify([directory, environment, timeout, disabledFilters, transport])
}
