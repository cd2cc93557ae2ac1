/** A work tree that outputs have something to say about. */
import { gitInTurn } from '../capture/fixture.ts'
import { folderOf } from '../support/folder.ts'

/** A repository on the branch `trunk` with these files in its commit, and a remote with a password. */
export function repositoryOf(files: Parameters<typeof folderOf>[0]): string {
  const root = folderOf(files)
  gitInTurn(
    root,
    ['init', '-q', '-b', 'trunk'],
    ['add', '.'],
    ['commit', '-qm', 'first'],
    ['remote', 'add', 'origin', 'https://user:hunter2hunter2@git.example/repo.git'],
  )
  return root
}
