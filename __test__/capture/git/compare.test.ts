import { chmodSync, readFileSync, renameSync, rmSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { gitCapture } from '../../../src/capture/git/git-capture.ts'
import {
  GIT_ENVIRONMENT,
  emptyRepository,
  git,
  listAt,
  temporaryFolder,
  textAt,
  gitInTurn,
} from '../fixture.ts'
import { look, repository, write } from './look.ts'
import type { Captured, Comparison } from '../../../src/core/component.ts'

const names = ({ differences }: Comparison): string[] => differences.map(({ field }) => field)

/** A repository whose submodule `lib` already has an uncommitted change. */
function withSubmodule(): string {
  const folder = repository({ 'main.py': 'import lib\n' })
  gitInTurn(
    folder,
    ['submodule', '--quiet', 'add', repository({ 'core.py': 'y = 1\n' }), 'lib'],
    ['commit', '-q', '-m', 'library'],
  )
  write(folder, 'lib/core.py', 'y = 20\n')
  return folder
}

test('two captures that saw no code are not the same', async () => {
  const none = await look(temporaryFolder())
  const noGit = await look(repository(), { environment: { PATH: temporaryFolder() } })
  const noCommit = await look(emptyRepository())
  for (const before of [none, noGit, noCommit]) {
    for (const after of [none, noGit, noCommit]) {
      const { status, reason } = gitCapture.compare(before, after)
      expect(status).toBe('not-checked')
      expect(reason).toContain(`no code was captured: ${textAt(before.value, 'reason')}`)
    }
  }
})

test('a repository that is gone is missing, one that git cannot read is not checked', async () => {
  const folder = repository()
  const before = await look(folder)
  const unread = await look(folder, { environment: { ...GIT_ENVIRONMENT, PATH: temporaryFolder() } })
  expect(gitCapture.compare(before, unread)).toMatchObject({
    status: 'not-checked',
    reason: 'git is not installed',
  })
  rmSync(join(folder, '.git'), { recursive: true })
  expect(gitCapture.compare(before, await look(folder)).status).toBe('missing')
})

test('a repository that git could not read when it was recorded is not checked, one that is new is a change', async () => {
  const folder = repository()
  const unread = await look(folder, { environment: { ...GIT_ENVIRONMENT, PATH: temporaryFolder() } })
  const none = await look(temporaryFolder())
  const now = await look(folder)
  expect(gitCapture.compare(unread, now)).toEqual({
    status: 'not-checked',
    reason: 'no code was captured: git is not installed',
    differences: [],
  })
  expect(gitCapture.compare(none, now)).toMatchObject({
    status: 'changed',
    reason: 'one side saw no code: this folder is not in a git repository',
  })
})

test('a linked work tree whose repository was moved is not checked, in both directions', async () => {
  const folder = repository()
  const linked = join(temporaryFolder(), 'linked')
  git(folder, 'worktree', 'add', '-q', linked)
  const before = await look(linked)
  renameSync(folder, join(temporaryFolder(), 'moved'))
  const unread = await look(linked)
  expect(unread.value).toMatchObject({ available: false })
  expect(textAt(unread.value, 'reason')).toMatch(/^git rev-parse failed: not a git repository: .*worktrees/)
  expect(gitCapture.compare(before, unread).status).toBe('not-checked')
  expect(gitCapture.compare(unread, before).status).toBe('not-checked')
  expect(gitCapture.compare(unread, unread).status).toBe('not-checked')
})

test('a further change inside a submodule that had one already is named', async () => {
  const folder = withSubmodule()
  const before = await look(folder)
  expect(gitCapture.compare(before, await look(folder)).status).toBe('same')
  write(folder, 'lib/core.py', 'y = 30\n')
  write(folder, 'lib/new.py', 'z\n')
  expect(names(gitCapture.compare(before, await look(folder)))).toEqual([
    'changed.lib/core.py',
    'submodules.lib',
    'untracked.lib/new.py',
  ])
})

test('a change inside a nested repository is named, at any depth and with or without a commit', async () => {
  const folder = repository()
  write(folder, 'vendor/tool/x.py', '1')
  git(join(folder, 'vendor/tool'), 'init', '-q')
  write(folder, 'vendor/tool/deep/y.py', '1')
  git(join(folder, 'vendor/tool/deep'), 'init', '-q')
  const before = await look(folder)
  expect(gitCapture.compare(before, await look(folder)).status).toBe('same')
  write(folder, 'vendor/tool/x.py', '2')
  write(folder, 'vendor/tool/deep/y.py', '2')
  expect(names(gitCapture.compare(before, await look(folder)))).toEqual([
    'untracked.vendor/tool/deep/y.py',
    'untracked.vendor/tool/x.py',
  ])
})

test.for([
  { mark: 'assume-unchanged', kind: 'submodule', field: 'submodules.lib' },
  { mark: 'skip-worktree', kind: 'submodule', field: 'submodules.lib' },
  { mark: 'assume-unchanged', kind: 'repository', field: 'untracked.lib/' },
  { mark: 'skip-worktree', kind: 'repository', field: 'untracked.lib/' },
])('a $kind with a file marked $mark is not checked, although git calls it unchanged', async (row) => {
  const folder = repository({ 'main.py': 'import lib\n' })
  const library = repository({ 'core.py': 'y = 1\n' })
  if (row.kind === 'submodule') {
    gitInTurn(folder, ['submodule', '--quiet', 'add', library, 'lib'], ['commit', '-q', '-m', 'library'])
  } else renameSync(library, join(folder, 'lib'))
  const unmarked = await look(folder)
  git(join(folder, 'lib'), 'update-index', `--${row.mark}`, 'core.py')
  const before = await look(folder)
  write(folder, 'lib/core.py', 'y = 2\n')
  const after = await look(folder)
  for (const earlier of [unmarked, before]) {
    const { differences, notChecked = [] } = gitCapture.compare(earlier, after)
    expect(differences).toEqual([])
    expect(notChecked.map(({ field }) => field)).toEqual([row.field])
  }
})

test('a submodule inside of a submodule with a file that git does not look at is not checked', async () => {
  const library = repository({ 'core.py': 'y = 1\n' })
  gitInTurn(
    library,
    ['submodule', '--quiet', 'add', repository({ 'deep.py': 'z = 1\n' }), 'deep'],
    ['commit', '-q', '-m', 'deep'],
  )
  const folder = repository({ 'main.py': 'import lib\n' })
  gitInTurn(
    folder,
    ['submodule', '--quiet', 'add', library, 'lib'],
    ['submodule', '--quiet', 'update', '--init', '--recursive'],
    ['commit', '-q', '-m', 'library'],
  )
  const before = await look(folder)
  expect(gitCapture.compare(before, await look(folder)).status).toBe('same')
  git(join(folder, 'lib/deep'), 'update-index', '--skip-worktree', 'deep.py')
  write(folder, 'lib/deep/deep.py', 'z = 2\n')
  const { notChecked = [] } = gitCapture.compare(before, await look(folder))
  expect(notChecked.map(({ field }) => field)).toEqual(['submodules.lib'])
})

test('the digest does not cover the files inside', async () => {
  const folder = withSubmodule()
  const before = await look(folder)
  write(folder, 'lib/core.py', 'y = 30\n')
  expect((await look(folder)).digest).toBe(before.digest)
})

test('filter programs of a nested repository are not started, and it is not checked', async () => {
  const folder = repository()
  write(folder, 'theirs/data', 'x')
  const nested = join(folder, 'theirs')
  gitInTurn(nested, ['init', '-q'], ['config', 'filter.run.clean', `touch ${folder}/executed; cat`])
  write(folder, 'theirs/.gitattributes', '* filter=run\n')
  const before = await look(folder)
  expect(gitCapture.compare(before, await look(folder))).toMatchObject({
    status: 'not-checked',
    differences: [],
    notChecked: [
      { field: 'untracked.theirs/', reason: expect.stringContaining('filter programs') as string },
    ],
  })
})

test('a record of an earlier version does not say what is inside', async () => {
  const folder = withSubmodule()
  const captured = await look(folder)
  const submodules = listAt(captured.value, 'submodules').map((submodule) =>
    Object.fromEntries(Object.entries(submodule).filter(([name]) => name !== 'content')),
  )
  const before: Captured = { ...captured, value: { ...captured.value, submodules } }
  write(folder, 'lib/core.py', 'y = 30\n')
  expect(gitCapture.compare(before, await look(folder))).toMatchObject({
    status: 'not-checked',
    notChecked: [{ field: 'submodules.lib' }],
  })
})

test.for(['assume-unchanged', 'skip-worktree'])(
  'files marked %s are compared by their bytes',
  async (mark) => {
    const folder = repository()
    git(folder, 'update-index', `--${mark}`, 'a.py')
    write(folder, 'a.py', 'hidden\n')
    const before = await look(folder)
    expect(gitCapture.compare(before, await look(folder)).status).toBe('same')
    write(folder, 'a.py', 'other\n')
    expect(gitCapture.compare(before, await look(folder))).toMatchObject({
      status: 'changed',
      differences: [{ field: 'workTreeFiles.a.py' }],
    })
    git(folder, 'update-index', `--no-${mark}`, 'a.py')
    write(folder, 'a.py', 'hidden\n')
    expect(gitCapture.compare(before, await look(folder)).status).toBe('same')
    write(folder, 'a.py', 'other\n')
    expect(gitCapture.compare(before, await look(folder)).status).toBe('changed')
  },
)

test('files that only an earlier version hid are not checked', async () => {
  const folder = repository()
  git(folder, 'update-index', '--assume-unchanged', 'a.py')
  const before = await look(folder)
  const { workTreeFiles: _, ...value } = before.value
  expect(gitCapture.compare({ ...before, value }, await look(folder))).toMatchObject({
    status: 'not-checked',
    notChecked: [{ field: 'changed.a.py', reason: 'it is marked assume-unchanged' }],
  })
})

test('files that git converts are compared by their bytes', async () => {
  const folder = repository()
  git(folder, 'config', 'core.autocrlf', 'input')
  const before = await look(folder)
  const content = readFileSync(join(folder, 'a.py'), 'utf8')
  write(folder, 'a.py', content.replaceAll('\n', '\r\n'))
  git(folder, 'add', 'a.py')
  const after = await look(folder)
  expect(after.digest).toBe(before.digest)
  expect(gitCapture.compare(before, after)).toMatchObject({
    status: 'changed',
    differences: [{ field: 'workTreeFiles.a.py', before: 'as git stores it' }],
  })
  expect(gitCapture.compare(after, before).status).toBe('changed')
  expect(gitCapture.compare(after, await look(folder)).status).toBe('same')
})

test('a file that git could not compare without its filter is compared by its bytes', async () => {
  const folder = repository()
  gitInTurn(
    folder,
    ['config', 'filter.rot.clean', 'tr a-z b-za'],
    ['config', 'filter.rot.smudge', 'tr b-za a-z'],
  )
  write(folder, '.gitattributes', '*.rot filter=rot')
  write(folder, 'x.rot', 'alpha')
  gitInTurn(folder, ['add', '-A'], ['commit', '-q', '-m', 'rot'])
  const before = await look(folder)
  expect(before.value['workTreeFiles']).toMatchObject({ files: [{ path: 'x.rot', cause: 'filter=rot' }] })
  const present = (): Promise<Captured> =>
    gitCapture.capture({
      directory: folder,
      algorithm: 'blake3',
      inspection: { recordedCommand: undefined, reportUnchecked: () => undefined },
    })
  // Git has to read it again.
  utimesSync(join(folder, 'x.rot'), 1, 1)
  expect(gitCapture.compare(before, await present())).toMatchObject({ status: 'same' })
  write(folder, 'x.rot', 'gamma')
  expect(gitCapture.compare(before, await present())).toMatchObject({ status: 'changed' })
})

test.skipIf(process.getuid?.() === 0)('a file that neither capture could read is not checked', async () => {
  const folder = repository()
  write(folder, 'secret.py', 'x')
  chmodSync(join(folder, 'secret.py'), 0)
  const before = await look(folder)
  expect(gitCapture.compare(before, await look(folder)).status).toBe('not-checked')
})

test('a nested repository that appears or goes is a difference', async () => {
  const folder = repository()
  const before = await look(folder)
  write(folder, 'other/x', '1')
  git(join(folder, 'other'), 'init', '-q')
  const after = await look(folder)
  expect(names(gitCapture.compare(before, after))).toEqual(['untracked.other/'])
  renameSync(join(folder, 'other'), join(temporaryFolder(), 'other'))
  expect(names(gitCapture.compare(after, await look(folder)))).toEqual(['untracked.other/'])
})

test('a mode that git does not look at is compared, also if only one side has another one', async () => {
  const folder = repository({ 'a.sh': 'x\n' })
  git(folder, 'config', 'core.fileMode', 'false')
  const plain = await look(folder)
  chmodSync(join(folder, 'a.sh'), 0o755)
  const executable = await look(folder)
  for (const pair of [[plain, executable] as const, [executable, plain] as const])
    expect(gitCapture.compare(...pair)).toMatchObject({
      status: 'changed',
      differences: [{ field: 'workTreeFiles.a.sh' }],
    })
  expect(gitCapture.compare(executable, await look(folder)).status).toBe('same')
})
