import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { gitCapture, gitDigestFields, parseGitCapture } from '../../../src/capture/git/git-capture.ts'
import { jsonDigest } from '../../../src/json/digest.ts'
import { emptyRepository, git, temporaryFolder, gitInTurn } from '../fixture.ts'
import { look, repository, write } from './look.ts'

describe('where there is nothing to capture, that is a finding', () => {
  test('no repository', async () => {
    const captured = await look(temporaryFolder())
    expect(captured.value).toEqual({ available: false, reason: 'this folder is not in a git repository' })
    expect(captured.digest).toBe(jsonDigest('git', { available: false }).blake3?.toString())
  })

  test('no git program', async () => {
    const captured = await look(repository(), { environment: { PATH: temporaryFolder() } })
    expect(captured.value).toEqual({ available: false, reason: 'git is not installed' })
  })

  test('no commit yet', async () => {
    const folder = emptyRepository()
    const captured = await look(folder)
    expect(captured.value).toEqual({
      available: false,
      reason: 'the repository has no commit yet',
      root: folder,
      branch: 'main',
      operation: null,
    })
    expect(captured.digest).toBe(jsonDigest('git', { available: false }).blake3?.toString())
  })

  test('a bare repository, and the inside of .git', async () => {
    const bare = temporaryFolder()
    git(bare, 'init', '-q', '--bare')
    const reason = 'this folder is in a repository but not in a work tree'
    expect((await look(bare)).value).toEqual({ available: false, reason })
    expect((await look(join(repository(), '.git'))).value).toEqual({ available: false, reason })
  })

  test('a damaged repository gives the reason of git', async () => {
    const folder = repository()
    writeFileSync(join(folder, '.git/config'), 'not a configuration')
    const { value } = await look(folder)
    expect(value['available']).toBe(false)
    expect(value['reason']).toContain('bad config')
  })
})

test('a commit, its people, tags and branch', async () => {
  const folder = repository()
  writeFileSync(join(folder, 'message'), 'Title | with bars\n\nBody "quoted"\n\n  indented\n')
  git(folder, 'commit', '-q', '--allow-empty', '-F', join(folder, 'message'))
  rmSync(join(folder, 'message'))
  gitInTurn(folder, ['tag', 'v1'], ['tag', '-a', 'v1,final', '-m', 'annotated'])
  const { value, warnings } = await look(folder)
  expect(value).toMatchObject({
    available: true,
    root: folder,
    directory: '',
    objectFormat: 'sha1',
    commit: git(folder, 'rev-parse', 'HEAD').trim(),
    shortCommit: git(folder, 'rev-parse', '--short', 'HEAD').trim(),
    message: 'Title | with bars\n\nBody "quoted"\n\n  indented',
    author: 'Ada | Lovelace',
    authorDate: '2024-02-29T12:00:00+01:00',
    committer: 'Charles Babbage',
    commitDate: '2024-03-01T12:00:00+01:00',
    branch: 'main',
    detached: false,
    tags: ['v1', 'v1,final'],
    upstream: null,
    remotes: [],
    clean: true,
    stashes: 0,
    shallow: false,
    sparse: false,
    partial: false,
    patches: null,
  })
  expect(warnings).toEqual([])
})

test('a detached HEAD, a stash, an upstream that is behind, and a shallow clone', async () => {
  const origin = repository()
  git(origin, 'commit', '-q', '--allow-empty', '-m', 'second')
  const clone = join(temporaryFolder(), 'clone')
  execFileSync('git', ['clone', '-q', '--depth=1', `file://${origin}`, clone])
  git(clone, 'commit', '-q', '--allow-empty', '-m', 'third')
  writeFileSync(join(clone, 'a.py'), 'stashed')
  git(clone, 'stash')
  const captured = await look(clone)
  expect(captured.value).toMatchObject({
    upstream: { name: 'origin/main', ahead: 1, behind: 0 },
    shallow: true,
    stashes: 1,
    remotes: [{ name: 'origin', fetch: [`file://${origin}`], push: [`file://${origin}`] }],
  })
  expect(captured.warnings).toEqual([expect.stringMatching(/^1 commit is not on any remote: /)])
  git(clone, 'checkout', '-q', '--detach')
  expect((await look(clone)).value).toMatchObject({ branch: null, detached: true, upstream: null })
})

describe('remotes', () => {
  test('addresses are clean, and both are kept', async () => {
    const folder = repository()
    const token = `ghp_${'x1Y2'.repeat(9)}`
    gitInTurn(
      folder,
      ['remote', 'add', 'origin', `https://user:${token}@example.org/a.git?access_token=${token}`],
      ['remote', 'set-url', '--push', 'origin', `ssh://${token}@example.org/push.git`],
      ['remote', 'set-url', '--add', 'origin', `https://${token}:x-oauth-basic@example.org/b.git`],
      ['remote', 'add', 'scp.with.dots', 'git@example.org:a/b.git'],
      ['config', `url.https://${token}@example.org/.insteadOf`, 'https://example.org/'],
      ['commit', '-q', '--allow-empty', '-m', `use ${token} for https://u:p@example.org`],
    )
    const captured = await look(folder, {}, { filesDirectory: temporaryFolder() })
    expect(captured.value['remotes']).toEqual([
      {
        name: 'origin',
        fetch: ['https://example.org/a.git', 'https://example.org/b.git'],
        push: ['ssh://example.org/push.git'],
      },
      { name: 'scp.with.dots', fetch: ['example.org:a/b.git'], push: ['example.org:a/b.git'] },
    ])
    expect(JSON.stringify(captured)).not.toContain(token)
    expect(captured.value['message']).toBe('use <redacted> for https://<redacted>@example.org')
  })
})

describe('the content of changed files counts', () => {
  test('another edit of a changed file is another digest', async () => {
    const folder = repository()
    writeFileSync(join(folder, 'a.py'), 'one\n')
    const one = await look(folder)
    writeFileSync(join(folder, 'a.py'), 'two\n')
    const two = await look(folder)
    expect(two.digest).not.toBe(one.digest)
    expect(gitCapture.compare(one, two)).toMatchObject({
      status: 'changed',
      differences: [{ field: 'changed.a.py' }],
    })
  })

  test('so is another content of an untracked file', async () => {
    const folder = repository()
    writeFileSync(join(folder, 'new.py'), 'one\n')
    const one = await look(folder)
    writeFileSync(join(folder, 'new.py'), 'two\n')
    const two = await look(folder)
    expect(gitCapture.compare(one, two)).toMatchObject({
      status: 'changed',
      differences: [{ field: 'untracked.new.py' }],
    })
  })

  test('and staged is told from unstaged', async () => {
    const folder = repository()
    writeFileSync(join(folder, 'a.py'), 'one\n')
    const unstaged = await look(folder)
    git(folder, 'add', 'a.py')
    const staged = await look(folder)
    expect(unstaged.value).toMatchObject({ staged: [], modified: ['a.py'] })
    expect(staged.value).toMatchObject({ staged: ['a.py'], modified: [] })
    expect(staged.digest).not.toBe(unstaged.digest)
  })
})

test('after a new commit the new one is captured', async () => {
  const folder = repository()
  const before = await look(folder)
  git(folder, 'commit', '-q', '--allow-empty', '-m', 'new')
  const after = await look(folder)
  expect(after.value['commit']).toBe(git(folder, 'rev-parse', 'HEAD').trim())
  const { status, differences } = gitCapture.compare(before, after)
  expect(status).toBe('changed')
  expect(differences).toEqual([
    { field: 'commit', before: before.value['commit'], after: after.value['commit'] },
  ])
})

test('branch, tags, remotes, stashes and times do not count', async () => {
  const folder = repository()
  const before = await look(folder)
  gitInTurn(
    folder,
    ['checkout', '-q', '-b', 'other'],
    ['tag', 'v1'],
    ['remote', 'add', 'origin', 'https://example.org/'],
  )
  utimesSync(join(folder, 'a.py'), 1, 1)
  const after = await look(join(folder))
  expect(after.digest).toBe(before.digest)
  expect(gitCapture.compare(before, after)).toEqual({ status: 'same', differences: [] })
})

test('the digest is that of the documented fields', async () => {
  const folder = repository()
  writeFileSync(join(folder, 'a.py'), 'changed\n')
  git(folder, 'rm', '-q', 'b.py')
  writeFileSync(join(folder, 'tool'), '')
  chmodSync(join(folder, 'tool'), 0o755)
  symlinkSync('nowhere', join(folder, 'link'))
  const sha256 = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`
  const fields = {
    available: true,
    commit: git(folder, 'rev-parse', 'HEAD').trim(),
    changed: [
      {
        path: 'a.py',
        index: { mode: '100644', blob: git(folder, 'rev-parse', 'HEAD:a.py').trim() },
        workTree: { mode: '100644', digest: sha256('changed\n') },
      },
      { path: 'b.py', index: null, workTree: null },
    ],
    untracked: [
      { path: 'link', mode: '120000', digest: sha256('nowhere') },
      { path: 'tool', mode: '100755', digest: sha256('') },
    ],
    submodules: [],
  }
  const captured = await look(folder, {}, { algorithm: 'sha256' })
  expect(gitDigestFields(parseGitCapture(captured.value), 'sha256')).toEqual(fields)
  expect(captured.digest).toBe(jsonDigest('git', fields, 'sha256').sha256?.toString())
  const both = await look(folder, {}, { algorithm: 'both' })
  expect(both.digest).toMatch(/^git\.v1\.blake3:/)
  expect(gitDigestFields(parseGitCapture(both.value), 'sha256')).toEqual(fields)
})

test('captures of different hash functions are compared as far as they can be', async () => {
  const folder = repository()
  const [blake3, sha256] = [await look(folder), await look(folder, {}, { algorithm: 'sha256' })]
  expect(gitCapture.compare(blake3, sha256).status).toBe('same')
  writeFileSync(join(folder, 'a.py'), 'changed\n')
  const dirty = await look(folder, {}, { algorithm: 'sha256' })
  expect(gitCapture.compare(blake3, dirty).status).toBe('not-checked')
})

test('comparing with what is absent, and with a record that was edited', async () => {
  const folder = repository()
  const [there, gone] = [await look(folder), await look(temporaryFolder())]
  expect(gitCapture.compare(there, gone)).toMatchObject({
    status: 'missing',
    reason: expect.stringMatching(/not in a git repository/) as string,
  })
  expect(gitCapture.compare(gone, there).status).toBe('changed')
  // Neither saw anything.
  expect(gitCapture.compare(gone, gone).status).toBe('not-checked')
  const edited = { ...there, digest: `git.v1.blake3:${'0'.repeat(64)}` }
  expect(gitCapture.compare(there, edited)).toMatchObject({
    status: 'changed',
    reason: expect.stringMatching(/digest does not match its fields/) as string,
  })
  const damaged = { ...there, value: { ...there.value, changed: 'no list' } }
  expect(() => gitCapture.compare(there, damaged)).toThrow(
    expect.objectContaining({ code: 'ERR_LINEAPRINT_RECORD', field: 'changed' }),
  )
})

test('a linked work tree is its own root', async () => {
  const folder = repository()
  const linked = join(temporaryFolder(), 'linked')
  git(folder, 'worktree', 'add', '-q', '-b', 'side', linked)
  writeFileSync(join(linked, 'a.py'), 'changed\n')
  expect((await look(linked)).value).toMatchObject({ root: linked, branch: 'side', modified: ['a.py'] })
  expect((await look(folder)).value).toMatchObject({ branch: 'main', clean: true })
})

test('what is captured is plain JSON', async () => {
  const folder = repository()
  write(folder, 'a.py', 'changed\n')
  write(folder, 'new', 'new')
  symlinkSync('x', join(folder, 'link'))
  const captured = await look(folder, {}, { filesDirectory: temporaryFolder(), algorithm: 'both' })
  expect(JSON.parse(JSON.stringify(captured))).toStrictEqual(captured)
})

test('files that git was told not to look at are named', async () => {
  const folder = repository()
  gitInTurn(
    folder,
    ['update-index', '--assume-unchanged', 'a.py'],
    ['update-index', '--skip-worktree', 'b.py'],
  )
  const captured = await look(folder)
  expect(captured.value).toMatchObject({ assumedUnchanged: ['a.py'], skippedFiles: 1 })
  expect(captured.warnings).toHaveLength(2)
})
