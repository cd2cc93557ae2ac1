/** Reasons for a git capture without a repository, and what to do about each. */
import type { CaptureRecord } from '../../record/record.ts'
import type { NoRepository } from './types.ts'
import { unlessDamaged } from '../../json/read-fields.ts'
import { parseGitCapture } from './parse.ts'

/** Reasons that state that there is no code in git, in contrast to a failure to read it. */
export const ABSENCES = {
  repository: 'this folder is not in a git repository',
  workTree: 'this folder is in a repository but not in a work tree',
  commit: 'the repository has no commit yet',
} as const

/** Check whether git answered that there is no code, in contrast to a failure to read it. */
export function isKnownAbsence({ reason }: NoRepository): boolean {
  return Object.values<string>(ABSENCES).includes(reason)
}

/**
 * Return a warning if a run captured no code, with what to do about it; `undefined` if it captured code, or was not
 * to capture any.
 */
export function noCodeWarning(capture: CaptureRecord | undefined): string | undefined {
  if (capture?.status !== 'captured') return undefined
  // A custom tracker may use the name `git` and record something else.
  const git = unlessDamaged(() => parseGitCapture(capture.value))
  if (git === undefined || git.available) return undefined
  const remedy = remedyFor(git.reason)
  const words = remedy === undefined ? '' : `; ${remedy}`
  return `no code was captured, so verify and diff cannot compare it: ${git.reason}${words}`
}

/** The reason if no program `git` is on PATH. */
export const GIT_MISSING = 'git is not installed'

function remedyFor(reason: string): string | undefined {
  if (reason === ABSENCES.repository) return 'use "git init" and commit, or run inside a repository'
  if (reason === ABSENCES.workTree) return 'run inside a work tree of it'
  if (reason === ABSENCES.commit) return 'use "git add" and "git commit"'
  if (reason === GIT_MISSING) return 'install git'
  const owned = /dubious ownership in repository at '(.+)'/s.exec(reason)?.[1]
  return owned === undefined ? undefined : `use "git config --global --add safe.directory ${owned}"`
}
