/** The git capture: which commit, what was changed since, and enough of it to bring it back. */
import { OPTIONS } from '../../config/table.ts'
import { mainAlgorithm, toCaptured } from '../fields.ts'
import { captureGit } from './capture.ts'
import { compareGit } from './compare.ts'
import { stableGitFields } from './digest-fields.ts'
import type { Component } from '../../core/component.ts'
import type { GitOptions } from '../../config/groups.ts'
import type { GitCaptureSettings } from './capture.ts'

export { stableGitFields } from './digest-fields.ts'
export type { GitCaptureSettings } from './capture.ts'

/** The git capture with its defaults. */
export const gitCapture: Component = createGitCapture()

/**
 * Makes a git capture.
 *
 * What it finds has `available`; where that is `false`, `reason` says why: no git program, no repository, no commit
 * yet. It never writes to the repository. Where it is given a folder it writes `diff.patch`, `staged.patch` and
 * copies of untracked files below `untracked/` to it; the folder has to be empty, nothing in it is replaced. On a clean checkout of the commit, `git apply diff.patch`,
 * `git apply --cached staged.patch` and the copies give the same index and work tree.
 */
export function createGitCapture(
  options: GitOptions = OPTIONS.git.default,
  settings: GitCaptureSettings = {},
): Component {
  return {
    name: 'git',
    capture: async (context) => {
      const { value, warnings } = await captureGit(context, options, settings)
      const stable = stableGitFields(value, mainAlgorithm(context.algorithm))
      return toCaptured('git', stable, value, warnings, context.algorithm)
    },
    compare: compareGit,
  }
}
