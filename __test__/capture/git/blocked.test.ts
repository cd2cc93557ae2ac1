import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { blockedReason } from '../../../src/capture/git/blocked.ts'
import { createGit } from '../../../src/capture/git/command.ts'
import { NotAvailable } from '../../../src/util/not-available.ts'
import { emptyRepository, git } from '../fixture.ts'
import { folderOf } from '../../support/folder.ts'

const NAMES = [
  '.git/HEAD',
  '.git/config',
  '.git/index',
  '.git/packed-refs',
  '.git/info/exclude',
  '.gitignore',
]

test(
  'git is not started where it would wait for a FIFO or read without an end',
  { timeout: 60_000 },
  async () => {
    for (const name of NAMES) {
      const root = emptyRepository()
      const path = join(root, name)
      const put: readonly (() => void)[] = [
        () => execFileSync('mkfifo', [path]),
        () => symlinkSync('/dev/zero', path),
        () => {
          writeFileSync(path, '')
          truncateSync(path, 2 ** 40)
        },
      ]
      expect(await blockedReason(root), name).toBeUndefined()
      for (const change of put) {
        rmSync(path, { force: true })
        change()
        const below = join(root, 'a/b')
        mkdirSync(below, { recursive: true })
        expect(await blockedReason(below)).toContain(path)
        const from = performance.now()
        const again = createGit({ directory: root, timeout: 60_000, environment: process.env })
        await expect(again(['status'])).rejects.toThrow(NotAvailable)
        expect(performance.now() - from).toBeLessThan(5000)
      }
    }
  },
)

test('also through a linked work tree, and not where there is no repository', async () => {
  const root = emptyRepository()
  writeFileSync(join(root, 'a'), '')
  git(root, 'add', '-A')
  git(root, 'commit', '-q', '-m', 'one')
  const linked = join(folderOf(), 'linked')
  git(root, 'worktree', 'add', '-q', linked)
  expect(await blockedReason(linked)).toBeUndefined()
  const head = join(root, '.git/worktrees/linked/HEAD')
  rmSync(head)
  execFileSync('mkfifo', [head])
  expect(await blockedReason(linked)).toContain('worktrees/linked/HEAD')
  expect(await blockedReason(folderOf())).toBeUndefined()
  const odd = folderOf()
  execFileSync('mkfifo', [join(odd, '.git')])
  expect(await blockedReason(odd)).toContain('.git')
})
