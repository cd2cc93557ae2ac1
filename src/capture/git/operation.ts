/** What a repository is in the middle of, and the work trees that share it: seen in its folder, without a call of git. */
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Worktrees } from './types.ts'

/** Files that git keeps while something goes on, the more telling ones first. */
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
 * Names what goes on: `rebase`, `am`, `merge`, `cherry-pick`, `revert` or `bisect`; `null` for nothing. A rebase that
 * stopped at a conflict is a rebase, whatever else it left.
 *
 * @param gitFolder Of this work tree.
 */
export async function readOperation(gitFolder: string): Promise<string | null> {
  for (const [file, name] of SIGNS) {
    const isThere = await stat(join(gitFolder, file)).then(
      () => true,
      () => false,
    )
    if (isThere) return name
  }
  return null
}

/** Whether this work tree is a linked one, and the names and places of the linked ones. */
export async function readWorktrees(gitFolder: string, commonFolder: string): Promise<Worktrees> {
  const folder = join(commonFolder, 'worktrees')
  const names = await readdir(folder).catch((): string[] => [])
  const linked = await Promise.all(
    names.toSorted().map(async (name) => {
      const file = await readFile(join(folder, name, 'gitdir'), 'utf8').catch(() => undefined)
      return { name, path: file?.trim().replace(/\/\.git$/, '') ?? 'not known' }
    }),
  )
  return { linked: gitFolder !== commonFolder, others: linked }
}
