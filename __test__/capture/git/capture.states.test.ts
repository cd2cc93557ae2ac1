/** Repositories in the middle of something, and of unusual kinds. */
import { chownSync, mkdirSync, readdirSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { emptyRepository, git, listAt, objectAt, temporaryFolder, gitInTurn } from '../fixture.ts'
import { look, paths, repository, write } from './look.ts'

/** Runs git where it is meant to stop half-way. */
function stops(folder: string, ...args: readonly string[]): void {
  expect(() => git(folder, ...args)).toThrow(args[0] ?? '')
}

/** Two branches that changed the same line; `main` is checked out. */
function divided(): string {
  const folder = repository()
  git(folder, 'checkout', '-q', '-b', 'side')
  write(folder, 'a.py', 'side\n')
  gitInTurn(folder, ['commit', '-q', '-a', '-m', 'side'], ['checkout', '-q', 'main'])
  write(folder, 'a.py', 'main\n')
  git(folder, 'commit', '-q', '-a', '-m', 'main')
  return folder
}

describe('in the middle of', () => {
  test('a merge, a cherry-pick, a revert', async () => {
    const merging = divided()
    stops(merging, 'merge', 'side')
    expect((await look(merging)).value).toMatchObject({
      operation: 'merge',
      conflicted: ['a.py'],
      branch: 'main',
    })
    const picking = divided()
    stops(picking, 'cherry-pick', 'side')
    expect((await look(picking)).value).toMatchObject({ operation: 'cherry-pick', conflicted: ['a.py'] })
    const reverting = divided()
    stops(reverting, 'revert', '--no-edit', 'side')
    expect((await look(reverting)).value).toMatchObject({ operation: 'revert' })
  })

  test('a rebase, which leaves HEAD detached, and a series of patches', async () => {
    const rebasing = divided()
    stops(rebasing, 'rebase', 'side')
    expect((await look(rebasing)).value).toMatchObject({ operation: 'rebase', detached: true, branch: null })
    const applying = divided()
    const patches = temporaryFolder()
    git(applying, 'format-patch', '-q', '-1', 'side', '-o', patches)
    stops(applying, 'am', join(patches, readdirSync(patches)[0] ?? ''))
    expect((await look(applying)).value).toMatchObject({ operation: 'am' })
  })

  test('a bisection, also in a linked work tree, and nothing', async () => {
    const folder = divided()
    const linked = join(temporaryFolder(), 'linked')
    git(folder, 'worktree', 'add', '-q', '--detach', linked)
    gitInTurn(linked, ['bisect', 'start', '-q'], ['bisect', 'bad'])
    const there = await look(linked)
    expect(there.value).toMatchObject({
      operation: 'bisect',
      worktree: { linked: true, others: [{ name: 'linked', path: linked }] },
    })
    expect((await look(folder)).value).toMatchObject({
      operation: null,
      worktree: { linked: false, others: [{ name: 'linked', path: linked }] },
    })
  })
})

test('a branch without a commit is named', async () => {
  const folder = repository()
  git(folder, 'checkout', '-q', '--orphan', 'fresh')
  expect((await look(folder)).value).toEqual({
    available: false,
    reason: 'the repository has no commit yet',
    root: folder,
    branch: 'fresh',
    operation: null,
  })
})

test('a sparse checkout: what is left out is counted and is no change', async () => {
  const folder = repository({ 'in/a.py': 'a\n', 'out/b.py': 'b\n', 'out/c.py': 'c\n' })
  git(folder, 'sparse-checkout', 'set', 'in')
  const captured = await look(folder)
  expect(captured.value).toMatchObject({ sparse: true, skippedFiles: 2, clean: true })
  expect(captured.warnings).toEqual([])
})

test.skipIf(process.getuid?.() !== 0)('a repository of somebody else, which git refuses', async () => {
  const folder = repository()
  chownSync(folder, 12345, 12345)
  chownSync(join(folder, '.git'), 12345, 12345)
  const { value } = await look(folder)
  expect(value['available']).toBe(false)
  expect(value['reason']).toMatch(/^git \S+ failed: detected dubious ownership in repository/)
})

describe('Git LFS', () => {
  const pointer = (content: string): string =>
    `version https://git-lfs.github.com/spec/v1\noid sha256:${'ab'.repeat(32)}\nsize ${content.length}\n`

  test('pointers are distinguished from contents, with a warning', async () => {
    const folder = repository({
      '.gitattributes': '*.py text\n',
      'weights/.gitattributes': '*.bin filter=lfs diff=lfs merge=lfs -text\n',
      'weights/pointer.bin': pointer('content'),
      'weights/content.bin': Buffer.alloc(4096, 1),
      'other.bin': pointer('content'),
    })
    const { value, warnings } = await look(folder)
    expect(value['largeFiles']).toEqual({
      count: 2,
      pointers: 1,
      files: [
        { path: 'weights/content.bin', content: true },
        { path: 'weights/pointer.bin', content: false, oid: `sha256:${'ab'.repeat(32)}`, size: 7 },
      ],
    })
    expect(warnings).toEqual([expect.stringMatching(/^1 Git LFS file is a pointer: /)])
  })

  test('none where no attribute names it', async () => {
    const { value } = await look(repository({ '.gitattributes': '*.py text\n', 'a.bin': pointer('x') }))
    expect(value['largeFiles']).toEqual({ count: 0, pointers: 0, files: [] })
  })
})

describe('commits that no remote has', () => {
  /** A clone with two commits of its own, and its origin. */
  function ahead(): { clone: string; origin: string } {
    const origin = repository()
    const clone = join(temporaryFolder(), 'clone')
    git(origin, 'clone', '-q', origin, clone)
    for (const content of ['one', 'two']) {
      write(clone, 'a.py', `${content}\n`)
      git(clone, 'commit', '-q', '-a', '-m', content)
    }
    return { clone, origin }
  }

  test('are counted, with a warning', async () => {
    const { clone } = ahead()
    const { value, warnings } = await look(clone)
    expect(value).toMatchObject({ unpushed: 2, upstream: { ahead: 2 }, bundle: null })
    expect(warnings).toEqual([expect.stringMatching(/^2 commits are not on any remote: /)])
    // A branch without an upstream is not ahead of anything, and its commits are as lonely.
    git(clone, 'checkout', '-q', '-b', 'private')
    expect((await look(clone)).value).toMatchObject({ unpushed: 2, upstream: null })
    git(clone, 'push', '-q', 'origin', 'private')
    expect((await look(clone)).value).toMatchObject({ unpushed: 0 })
    expect((await look(repository())).value).toMatchObject({ unpushed: null })
  })

  test('are kept as a bundle when asked, from which another clone gets them', async () => {
    const { clone, origin } = ahead()
    const files = temporaryFolder()
    const { value, warnings } = await look(clone, { bundle: true }, { filesDirectory: files })
    expect(warnings).toEqual([])
    expect(objectAt(value, 'bundle')).toMatchObject({
      status: 'written',
      file: 'unpushed.bundle',
      commits: 2,
    })
    const other = join(temporaryFolder(), 'other')
    git(origin, 'clone', '-q', origin, other)
    git(other, 'fetch', '-q', join(files, 'unpushed.bundle'), 'HEAD')
    expect(git(other, 'rev-parse', 'FETCH_HEAD').trim()).toBe(value['commit'])
  })

  test('the whole history without a remote; nothing where all is pushed; a limit', async () => {
    const alone = repository()
    const files = temporaryFolder()
    const whole = await look(alone, { bundle: true }, { filesDirectory: files })
    expect(whole.value['bundle']).toMatchObject({ status: 'written', commits: null })
    const fresh = emptyRepository()
    git(fresh, 'fetch', '-q', join(files, 'unpushed.bundle'), 'HEAD')
    expect(git(fresh, 'rev-parse', 'FETCH_HEAD').trim()).toBe(whole.value['commit'])
    const { clone } = ahead()
    git(clone, 'push', '-q', 'origin', 'HEAD:refs/heads/pushed')
    const pushed = await look(clone, { bundle: true }, { filesDirectory: temporaryFolder() })
    expect(pushed.value['bundle']).toEqual({ status: 'empty' })
    const small = temporaryFolder()
    const over = await look(alone, { bundle: true, bundleLimit: 10 }, { filesDirectory: small })
    expect(over.value['bundle']).toEqual({ status: 'absent', reason: 'it is larger than 10 bytes' })
    expect(over.warnings).toEqual(['unpushed.bundle was not written: it is larger than 10 bytes'])
    expect(readdirSync(small)).toEqual([])
  })
})

test('a changed file of half a gigabyte is listed and left out of the patch, and the rest is kept', async () => {
  const folder = repository({ 'a.py': 'a\n', 'model.bin': 'small\n' })
  write(folder, 'a.py', 'changed\n')
  truncateSync(join(folder, 'model.bin'), 1 << 29)
  const files = temporaryFolder()
  const before = process.memoryUsage.rss()
  const { value, warnings } = await look(folder, {}, { filesDirectory: files })
  // In memory it would be four times this.
  expect(process.memoryUsage.rss() - before).toBeLessThan(128 << 20)
  expect(value['patches']).toMatchObject({
    diff: { status: 'written' },
    left: [{ path: 'model.bin', size: 1 << 29 }],
  })
  expect(paths({ value, warnings, digest: '' }, 'changed')).toEqual(['a.py', 'model.bin'])
  expect(warnings).toEqual([`the changes of "model.bin" were not kept: it has ${1 << 29} bytes`])
  const clean = join(temporaryFolder(), 'clean')
  git(folder, 'clone', '-q', folder, clean)
  git(clean, 'apply', join(files, 'diff.patch'))
  expect(git(clean, 'status', '--porcelain').trim()).toBe('M a.py')
})

test('a patch that grows past its limit while git writes it takes no memory', async () => {
  // Text does not shrink in a patch; it is the same line over and over.
  const folder = repository({ 'a.txt': 'a\n' })
  const line = Buffer.from(`${'x'.repeat(1023)}\n`)
  writeFileSync(join(folder, 'a.txt'), Buffer.concat(Array.from({ length: 40 * 1024 }, () => line)))
  const files = temporaryFolder()
  const before = process.memoryUsage.rss()
  const { value } = await look(folder, { patchLimit: (40 << 20) + 1 }, { filesDirectory: files })
  expect(process.memoryUsage.rss() - before).toBeLessThan(128 << 20)
  expect(value['patches']).toMatchObject({
    diff: { status: 'absent', reason: `it is larger than ${(40 << 20) + 1} bytes` },
  })
  expect(readdirSync(files)).toEqual([])
})

test('an untracked file over the limit is listed with its size and digest', async () => {
  const folder = repository()
  mkdirSync(join(folder, 'out'))
  writeFileSync(join(folder, 'out/big.bin'), Buffer.alloc(2000))
  const { value } = await look(folder, { untrackedFileLimit: 1000 }, { filesDirectory: temporaryFolder() })
  expect(listAt(value, 'untracked')).toMatchObject([
    { path: 'out/big.bin', size: 2000, kept: false, reason: 'it is over 1000 bytes', digests: {} },
  ])
})
