/** The git capture: the commit, the changes since then, and the files that are needed to restore them. */
import { OPTIONS } from '../../config/table.ts'
import { mainAlgorithm, toCaptured } from '../to-captured.ts'
import { captureGit } from './capture.ts'
import { compareGit } from './compare.ts'
import { gitDigestFields } from './digest-fields.ts'
import type { Component } from '../../core/component.ts'
import type { GitOptions } from '../../config/groups.ts'
import type { GitCaptureSettings } from './capture.ts'

export { gitDigestFields } from './digest-fields.ts'
export { parseGitCapture } from './parse.ts'
export type { GitCaptureSettings } from './capture.ts'

/** The git capture with its defaults. */
export const gitCapture: Component = createGitCapture()

/**
 * Create a git capture.
 *
 * Its value has the field `available`; if it is `false`, `reason` gives the cause: no git program, no
 * repository, no commit yet. It never writes to the repository. If a folder is given, it writes `diff.patch`,
 * `staged.patch` and copies of untracked files below `untracked/` to it. The folder must be empty; existing
 * files are not replaced. On a clean checkout of the commit, `git apply diff.patch`, `git apply --cached
 * staged.patch` and the copies, with their recorded modes, restore the same index and work tree. Secrets are replaced
 * in all of them, unless `secrets` is `keep`.
 */
export function createGitCapture(
  options: GitOptions = OPTIONS.git.default,
  settings: GitCaptureSettings = {},
): Component {
  return {
    name: 'git',
    capture: async (context) => {
      const { value, warnings } = await captureGit(context, options, settings)
      const digestFields = gitDigestFields(value, mainAlgorithm(context.algorithm))
      return toCaptured('git', digestFields, value, warnings, context.algorithm)
    },
    compare: compareGit,
  }
}
