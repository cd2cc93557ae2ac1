/**
 * An operation in progress in a repository, and the work trees that share it, read from its folder without a
 * call of git.
 */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { readRegular } from '../../util/own-file.ts'
import type { Worktrees } from './types.ts'

/** Files that git keeps during an operation, the more specific ones first. */
const SIGNS = [
  ['rebase-merge', 'rebase'],
  ['rebase-apply/applying', 'am'],
  ['rebase-apply', 'rebase'],
  ['MERGE_HEAD', 'merge'],
  ['CHERRY_PICK_HEAD', 'cherry-pick'],
  ['REVERT_HEAD', 'revert'],
  ['BISECT_LOG', 'bisect'],
] as const

/**
 * Return the operation in progress: `rebase`, `am`, `merge`, `cherry-pick`, `revert` or `bisect`; `null` for
 * none. A rebase that stopped at a conflict is a rebase, even if it left files of other operations.
 *
 * @param gitFolder The git folder of this work tree.
 */
export async function readOperation(gitFolder: string): Promise<string | null> {
  for (const [file, name] of SIGNS) {
    const exists = await stat(join(gitFolder, file)).then(
      () => true,
      () => false,
    )
    if (exists) return name
  }
  return null
}

/** The most bytes of a file that holds a path. */
const PATH_LIMIT = 1 << 16

/** Return whether this work tree is a linked one, and the names and paths of the linked work trees. */
export async function readWorktrees(gitFolder: string, commonFolder: string): Promise<Worktrees> {
  const folder = join(commonFolder, 'worktrees')
  const names = await readdir(folder).catch((): string[] => [])
  const linked = await Promise.all(
    names.toSorted().map(async (name) => {
      const file = await readRegular(join(folder, name, 'gitdir'), PATH_LIMIT).catch(() => undefined)
      return {
        name,
        path:
          file
            ?.toString()
            .trim()
            .replace(/\/\.git$/, '') ?? 'not known',
      }
    }),
  )
  return { linked: gitFolder !== commonFolder, others: linked }
}
