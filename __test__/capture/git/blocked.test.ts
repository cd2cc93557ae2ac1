import { execFileSync } from 'node:child_process'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { blockedReason } from '../../../src/capture/git/blocked.ts'
import { createGit } from '../../../src/capture/git/command.ts'
import { NotAvailable } from '../../../src/util/not-available.ts'
import { emptyRepository, git, gitInTurn } from '../fixture.ts'
import { folderOf } from '../../support/folder.ts'

const NAMES = [
  '.git/HEAD',
  '.git/config',
  '.git/index',
  '.git/packed-refs',
  '.git/info/exclude',
  '.git/refs/heads/main',
  '.git/refs/remotes/origin/main',
  '.git/worktrees/w/HEAD',
  '.gitignore',
]

/** Names at which git stops by itself in what is no configuration. */
const SETTINGS = ['.git/modules/m/config', '.git/included']

test(
  'git is not started where it would wait for a FIFO or read without an end',
  { timeout: 60_000 },
  async () => {
    for (const name of [...NAMES, ...SETTINGS]) {
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
      for (const change of SETTINGS.includes(name) ? put.slice(0, 2) : put) {
        rmSync(path, { force: true })
        mkdirSync(dirname(path), { recursive: true })
        change()
        const below = join(root, 'a/b')
        mkdirSync(below, { recursive: true })
        expect(await blockedReason(below)).toContain(path)
        const from = performance.now()
        const again = createGit({ directory: root, timeout: 60_000, environment: process.env })
        await expect(again(['status'])).rejects.toThrow(NotAvailable)
        // Git would wait for its 60 seconds.
        expect(performance.now() - from).toBeLessThan(20_000)
      }
    }
  },
)

test('also through a linked work tree, and not where there is no repository', async () => {
  const root = emptyRepository()
  writeFileSync(join(root, 'a'), '')
  gitInTurn(root, ['add', '-A'], ['commit', '-q', '-m', 'one'])
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

test('a repository without a work tree, and the one of which a folder is a work tree', async () => {
  const bare = folderOf()
  git(bare, 'init', '-q', '--bare', '.')
  mkdirSync(join(bare, 'below'))
  expect(await blockedReason(join(bare, 'below'))).toBeUndefined()
  rmSync(join(bare, 'config'))
  execFileSync('mkfifo', [join(bare, 'config')])
  expect(await blockedReason(join(bare, 'below'))).toContain(join(bare, 'config'))

  const root = emptyRepository()
  writeFileSync(join(root, 'a'), '')
  gitInTurn(root, ['add', '-A'], ['commit', '-q', '-m', 'one'])
  const linked = join(folderOf(), 'linked')
  git(root, 'worktree', 'add', '-q', linked)
  execFileSync('mkfifo', [join(root, '.git/refs/heads/other')])
  expect(await blockedReason(linked)).toContain(join(root, '.git/refs/heads/other'))
})

test('what a repository usually has is no reason: sockets, links to nothing, many objects', async () => {
  const root = emptyRepository()
  symlinkSync('/nothing', join(root, '.git/link'))
  symlinkSync('.', join(root, '.git/refs/loop'))
  mkdirSync(join(root, '.git/objects/00'), { recursive: true })
  execFileSync('mkfifo', [join(root, '.git/objects/00/0123')])
  const server = createServer().listen(join(root, '.git/fsmonitor--daemon.ipc'))
  await once(server, 'listening')
  expect(await blockedReason(root)).toBeUndefined()
  server.close()
})

test.runIf(process.platform === 'linux')(
  'git is stopped when it waits for a FIFO elsewhere: an object, a folder, an included file',
  { timeout: 60_000 },
  async () => {
    for (const put of [
      (root: string) => {
        const commit = git(root, 'rev-parse', 'HEAD').trim()
        const path = join(root, '.git/objects', commit.slice(0, 2), commit.slice(2))
        rmSync(path)
        execFileSync('mkfifo', [path])
      },
      (root: string) => {
        mkdirSync(join(root, 'sub'))
        execFileSync('mkfifo', [join(root, 'sub/.gitignore')])
      },
      (root: string) => {
        const path = join(folderOf(), 'included')
        execFileSync('mkfifo', [path])
        git(root, 'config', 'include.path', path)
      },
    ]) {
      const root = emptyRepository()
      writeFileSync(join(root, 'a'), '')
      gitInTurn(root, ['add', '-A'], ['commit', '-q', '-m', 'one'])
      put(root)
      const call = createGit({ directory: root, timeout: 50_000, environment: process.env })
      // Not the time limit, which is a reason as well.
      await expect(call(['status', '--porcelain=v2', '--branch'])).rejects.toThrow(/waits for a FIFO/)
    }
  },
)
