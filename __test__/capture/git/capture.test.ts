import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createGitCapture, gitCapture, stableGitFields } from '../../../src/capture/git/index.ts'
import { jsonDigest } from '../../../src/structured.ts'
import {
  GIT_ENVIRONMENT,
  emptyRepository,
  git,
  listAt,
  objectAt,
  temporaryFolder,
  textAt,
} from '../fixture.ts'
import type { CaptureContext, Captured } from '../../../src/capture/component.ts'
import type { GitCaptureOptions } from '../../../src/capture/git/index.ts'

const GIT = execFileSync('/bin/sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim()

function look(
  directory: string,
  options: GitCaptureOptions = {},
  context: Partial<CaptureContext> = {},
): Promise<Captured> {
  return createGitCapture({ environment: GIT_ENVIRONMENT, ...options }).capture({
    directory,
    algorithm: 'blake3',
    ...context,
  })
}

/** A repository with one commit of some files. */
function repository(
  files: Readonly<Record<string, string | Buffer>> = { 'a.py': 'a\n', 'b.py': 'b\n' },
): string {
  const folder = emptyRepository()
  for (const [name, content] of Object.entries(files)) write(folder, name, content)
  git(folder, 'add', '-A')
  git(folder, 'commit', '-q', '-m', 'first')
  return folder
}

function write(folder: string, name: string, content: string | Buffer): void {
  const path = join(folder, name)
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, content)
}

/** Digest of every file below a folder, to show that nothing was written. */
function fingerprint(folder: string): string {
  const hash = createHash('sha256')
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    hash.update(`${path}\0`)
    if (entry.isFile()) hash.update(readFileSync(path))
  }
  return hash.digest('hex')
}

function paths(captured: Captured, field: string): string[] {
  return listAt(captured.value, field).map((entry) => textAt(entry, 'path'))
}

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
    const captured = await look(emptyRepository())
    expect(captured.value).toEqual({ available: false, reason: 'the repository has no commit yet' })
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
  git(folder, 'tag', 'v1')
  git(folder, 'tag', '-a', 'v1,final', '-m', 'annotated')
  const { value, warnings } = await look(folder)
  expect(value).toMatchObject({
    available: true,
    root: folder,
    directory: '',
    objectFormat: 'sha1',
    commit: git(folder, 'rev-parse', 'HEAD').trim(),
    shortCommit: git(folder, 'rev-parse', '--short', 'HEAD').trim(),
    message: 'Title | with bars\n\nBody "quoted"\n\n  indented',
    // rldk: the author was cut at the first bar.
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
  expect(captured.warnings).toEqual(['1 commits are not on origin/main: only this clone has them'])
  git(clone, 'checkout', '-q', '--detach')
  expect((await look(clone)).value).toMatchObject({ branch: null, detached: true, upstream: null })
})

describe('rldk: tokens of remotes were stored, and the push address replaced the fetch address', () => {
  test('addresses are clean, and both are kept', async () => {
    const folder = repository()
    const token = `ghp_${'x1Y2'.repeat(9)}`
    git(folder, 'remote', 'add', 'origin', `https://user:${token}@example.org/a.git?access_token=${token}`)
    git(folder, 'remote', 'set-url', '--push', 'origin', `ssh://${token}@example.org/push.git`)
    git(folder, 'remote', 'set-url', '--add', 'origin', `https://${token}:x-oauth-basic@example.org/b.git`)
    git(folder, 'remote', 'add', 'scp.with.dots', 'git@example.org:a/b.git')
    git(folder, 'config', `url.https://${token}@example.org/.insteadOf`, 'https://example.org/')
    git(folder, 'commit', '-q', '--allow-empty', '-m', `use ${token} for https://u:p@example.org`)
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

describe('rldk: the digest covered names of files and not their content', () => {
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

test('rldk: after a new commit the old one was recorded', async () => {
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
  git(folder, 'checkout', '-q', '-b', 'other')
  git(folder, 'tag', 'v1')
  git(folder, 'remote', 'add', 'origin', 'https://example.org/')
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
  expect(stableGitFields(captured.value, 'sha256')).toEqual(fields)
  expect(captured.digest).toBe(jsonDigest('git', fields, 'sha256').sha256?.toString())
  const both = await look(folder, {}, { algorithm: 'both' })
  expect(both.digest).toMatch(/^git\.v1\.blake3:/)
  expect(stableGitFields(both.value, 'sha256')).toEqual(fields)
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
    reason: /not in a git repository/,
  })
  expect(gitCapture.compare(gone, there).status).toBe('changed')
  expect(gitCapture.compare(gone, gone).status).toBe('same')
  const edited = { ...there, digest: `git.v1.blake3:${'0'.repeat(64)}` }
  expect(gitCapture.compare(there, edited)).toMatchObject({ status: 'changed', reason: /does not belong/ })
  const damaged = { ...there, value: { ...there.value, changed: 'no list' } }
  expect(() => gitCapture.compare(there, damaged)).toThrow(
    expect.objectContaining({ code: 'ERR_LINEAPRINT_RECORD', field: 'changed' }),
  )
})

describe('it never writes to the repository', () => {
  test('.git stays as it is, also where git would refresh its index', async () => {
    const folder = repository({ 'a.py': 'a\n', 'big.bin': Buffer.alloc(1 << 16, 7) })
    write(folder, 'b.py', 'untracked')
    git(folder, 'config', 'core.untrackedCache', 'true')
    utimesSync(join(folder, 'a.py'), 1000, 1000)
    utimesSync(join(folder, 'big.bin'), 1000, 1000)
    const before = fingerprint(join(folder, '.git'))
    await look(folder, {}, { filesDirectory: join(temporaryFolder(), 'git') })
    expect(fingerprint(join(folder, '.git'))).toBe(before)
  })

  test('a file whose time alone changed is not a change', async () => {
    const folder = repository()
    utimesSync(join(folder, 'a.py'), 1000, 1000)
    const files = temporaryFolder()
    const captured = await look(folder, {}, { filesDirectory: files })
    expect(captured.value).toMatchObject({ clean: true, changed: [], patches: null })
    expect(readdirSync(files)).toEqual([])
  })

  test('programs that the configuration names are not started', async () => {
    const folder = repository()
    const trap = join(folder, '.git', 'trap')
    writeFileSync(trap, `#!/bin/sh\necho started >> '${folder}/.git/started'\n`, { mode: 0o755 })
    for (const key of [
      'core.fsmonitor',
      'diff.external',
      'core.pager',
      'diff.trap.textconv',
      'diff.trap.command',
    ]) {
      git(folder, 'config', key, trap)
    }
    writeFileSync(join(folder, '.git/info/attributes'), '* diff=trap\n')
    writeFileSync(join(folder, 'a.py'), 'changed\n')
    await look(folder, {}, { filesDirectory: temporaryFolder() })
    expect(existsSync(join(folder, '.git/started'))).toBe(false)
  })
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

describe('hostile names and places', () => {
  test('a FIFO in the place of a file does not stop it', async () => {
    const folder = repository()
    rmSync(join(folder, 'a.py'))
    execFileSync('mkfifo', [join(folder, 'a.py'), join(folder, 'new')])
    const { value } = await look(folder, {}, { filesDirectory: temporaryFolder() })
    expect(value).toMatchObject({ available: true, modified: ['a.py'], untracked: [] })
  })

  test('names with quotes, dashes, line ends, and names that are not UTF-8', async () => {
    const folder = repository({ '-n': 'x', '"q"\t': 'x', 'ü\n': 'x' })
    for (const name of ['-n', '"q"\t', 'ü\n']) writeFileSync(join(folder, name), 'y')
    const odd = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0x61, 0xff])])
    writeFileSync(odd, 'odd')
    const files = temporaryFolder()
    const captured = await look(folder, {}, { filesDirectory: files })
    // rldk: names came quoted.
    expect(captured.value['modified']).toEqual(['"q"\t', '-n', 'ü\n'])
    expect(listAt(captured.value, 'untracked')).toMatchObject([
      { path: 'a\\xff', pathBytes: '61ff', kept: true },
    ])
    const kept = readdirSync(join(files, 'untracked'), { encoding: 'buffer' })
    expect(kept).toEqual([Buffer.from([0x61, 0xff])])
    const twice = await look(folder)
    expect(twice.digest).toBe(captured.digest)
    writeFileSync(odd, 'other')
    expect((await look(folder)).digest).not.toBe(captured.digest)
  })

  test('a repository whose path has line ends and spaces, looked at from a folder within', async () => {
    const outer = join(temporaryFolder(), 'a\nb c\n')
    mkdirSync(join(outer, 'in/side'), { recursive: true })
    git(outer, 'init', '-q')
    write(outer, 'in/side/file', 'x')
    write(outer, 'top', 'x')
    git(outer, 'add', '-A')
    git(outer, 'commit', '-q', '-m', 'm')
    write(outer, 'top', 'changed')
    write(outer, 'in/new', 'x')
    git(outer, 'config', 'status.relativePaths', 'true')
    const captured = await look(join(outer, 'in/side'))
    expect(captured.value).toMatchObject({ root: outer, directory: 'in/side', modified: ['top'] })
    expect(paths(captured, 'untracked')).toEqual(['in/new'])
  })

  test('variables that a hook sets do not lead to another repository', async () => {
    const [folder, other] = [repository(), repository({ other: 'x' })]
    const environment = {
      ...GIT_ENVIRONMENT,
      GIT_DIR: join(other, '.git'),
      GIT_WORK_TREE: other,
      GIT_INDEX_FILE: 'x',
    }
    expect((await look(folder, { environment })).value).toMatchObject({ root: folder, clean: true })
  })

  test('links are recorded and never followed', async () => {
    const secret = join(temporaryFolder(), 'outside.txt')
    writeFileSync(secret, 'outside')
    const folder = repository()
    symlinkSync(secret, join(folder, 'link'))
    symlinkSync(join(secret, '..'), join(folder, 'folder'))
    symlinkSync('loop', join(folder, 'loop'))
    const files = temporaryFolder()
    const captured = await look(folder, {}, { filesDirectory: files })
    expect(listAt(captured.value, 'untracked')).toMatchObject([
      { path: 'folder', kind: 'link', target: join(secret, '..') },
      { path: 'link', kind: 'link', target: secret },
      { path: 'loop', kind: 'link', target: 'loop' },
    ])
    expect(readdirSync(files)).toEqual([])
  })

  test('settings of the user do not change what is found', async () => {
    const folder = repository({ 'a.py': 'a\n'.repeat(50), old: 'o\n'.repeat(50) })
    write(folder, 'a.py', 'b\n')
    write(folder, 'new/file', 'x')
    git(folder, 'mv', 'old', 'new name')
    const files = temporaryFolder()
    const plain = await look(folder, {}, { filesDirectory: join(files, 'plain') })
    for (const [key, value] of [
      ['status.showUntrackedFiles', 'no'],
      ['status.renames', 'copies'],
      ['status.branch', 'false'],
      ['status.aheadBehind', 'false'],
      ['status.short', 'true'],
      ['diff.noprefix', 'true'],
      ['diff.mnemonicPrefix', 'true'],
      ['diff.renames', 'copies'],
      ['diff.algorithm', 'histogram'],
      ['diff.context', '9'],
      ['diff.interHunkContext', '50'],
      ['diff.suppressBlankEmpty', 'true'],
      ['color.ui', 'always'],
      ['core.quotePath', 'true'],
      ['core.abbrev', '4'],
    ] as const) {
      git(folder, 'config', key, value)
    }
    const configured = await look(folder, {}, { filesDirectory: join(files, 'configured') })
    expect(configured.digest).toBe(plain.digest)
    expect(configured.value['patches']).toEqual(plain.value['patches'])
  })
})

describe('untracked files', () => {
  test('what is over a limit, looks like a secret, or belongs to lineaprint is not copied', async () => {
    const folder = repository()
    const token = `hf_${'a1B2'.repeat(8)}`
    write(folder, '.gitignore', 'ignored\n')
    write(folder, 'ignored', 'x')
    write(folder, 'large.bin', Buffer.alloc(2000))
    write(folder, 'small 1', Buffer.alloc(900))
    write(folder, 'small 2', Buffer.alloc(900))
    write(folder, 'small 3', Buffer.alloc(900))
    write(folder, '.env', 'A=1')
    write(folder, 'config.py', `TOKEN = "${token}"`)
    write(folder, '.lineaprint/runs/1/run.json', '{}')
    const files = join(folder, 'runs/own')
    const captured = await look(folder, { fileLimit: 1000, totalLimit: 2000 }, { filesDirectory: files })
    expect(
      listAt(captured.value, 'untracked').map(({ path, kept, reason }) => ({ path, kept, reason })),
    ).toEqual([
      { path: '.env', kept: false, reason: 'files of that name hold secrets' },
      { path: '.gitignore', kept: true, reason: null },
      { path: 'config.py', kept: false, reason: 'it looks like it holds a secret (Hugging Face token)' },
      { path: 'large.bin', kept: false, reason: 'it is over 1000 bytes' },
      { path: 'small 1', kept: true, reason: null },
      { path: 'small 2', kept: true, reason: null },
      { path: 'small 3', kept: false, reason: 'all together are over 2000 bytes' },
    ])
    expect(readdirSync(join(files, 'untracked')).toSorted()).toEqual(['.gitignore', 'small 1', 'small 2'])
    expect(captured.warnings).toHaveLength(4)
    // A second look does not see what the first one left behind.
    rmSync(join(files, 'untracked'), { recursive: true })
    write(files, 'left', 'behind')
    expect((await look(folder, {}, { filesDirectory: files })).digest).toBe(captured.digest)
    const all = await look(folder, { secrets: 'keep' }, { filesDirectory: join(temporaryFolder(), 'all') })
    expect(listAt(all.value, 'untracked').filter(({ kept }) => kept !== true)).toEqual([])
  })

  test('a repository within the repository is known by its commit', async () => {
    const folder = repository()
    const inner = join(folder, 'inner')
    mkdirSync(inner)
    git(inner, 'init', '-q')
    expect(listAt((await look(folder)).value, 'untracked')).toEqual([
      { path: 'inner/', kind: 'repository', commit: null },
    ])
    git(inner, 'commit', '-q', '--allow-empty', '-m', 'inner')
    const captured = await look(folder)
    expect(listAt(captured.value, 'untracked')).toEqual([
      { path: 'inner/', kind: 'repository', commit: git(inner, 'rev-parse', 'HEAD').trim() },
    ])
    expect(captured.warnings.join()).toContain('only its commit is recorded')
  })
})

describe('patches', () => {
  test('a secret in an added line is replaced, and the patch still applies', async () => {
    const folder = repository()
    const token = `ghp_${'x1Y2'.repeat(9)}`
    writeFileSync(join(folder, 'a.py'), `a\nTOKEN = '${token}'\nb\n`)
    const files = temporaryFolder()
    const captured = await look(folder, {}, { filesDirectory: files })
    const patch = readFileSync(join(files, 'diff.patch'), 'utf8')
    expect(patch).not.toContain(token)
    expect(captured.warnings).toEqual(['1 added lines of diff.patch looked like secrets and were replaced'])
    expect(objectAt(captured.value, 'patches')).toMatchObject({
      diff: { status: 'written', file: 'diff.patch', size: Buffer.byteLength(patch), redactedLines: 1 },
      staged: { status: 'empty' },
    })
    git(folder, 'checkout', '-q', '.')
    git(folder, 'apply', join(files, 'diff.patch'))
    expect(readFileSync(join(folder, 'a.py'), 'utf8')).toBe("a\nTOKEN = '<redacted>'\nb\n")
  })

  test('a patch over the limit is given up, and nothing of it is left', async () => {
    const folder = repository()
    writeFileSync(join(folder, 'a.py'), 'x\n'.repeat(10_000))
    const files = temporaryFolder()
    const captured = await look(folder, { patchLimit: 1000 }, { filesDirectory: files })
    expect(captured.value['patches']).toMatchObject({
      diff: { status: 'absent', reason: 'it is larger than 1000 bytes' },
    })
    expect(captured.warnings).toEqual(['diff.patch was not written: it is larger than 1000 bytes'])
    expect(readdirSync(files)).toEqual([])
  })

  test('what a filter hides from the patch is said', async () => {
    const folder = repository({ '.gitattributes': '*.bin filter=pointer\n', 'm.bin': 'p\n' })
    git(folder, 'config', 'filter.pointer.clean', 'echo pointer')
    write(folder, 'm.bin', 'large content')
    const captured = await look(folder, {}, { filesDirectory: temporaryFolder() })
    expect(captured.warnings.join()).toContain('files with the filter "pointer"')
    const [entry] = listAt(stableGitFields(captured.value, 'blake3'), 'changed')
    write(folder, 'm.bin', 'other content')
    const [other] = listAt(stableGitFields((await look(folder)).value, 'blake3'), 'changed')
    expect(other).not.toEqual(entry)
  })

  test('a folder that cannot be written is an error of the store', async () => {
    const folder = repository()
    writeFileSync(join(folder, 'a.py'), 'changed\n')
    const files = temporaryFolder()
    mkdirSync(join(files, 'diff.patch.partial'))
    await expect(look(folder, {}, { filesDirectory: files })).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_STORE',
    })
  })
})

test('what changes while it is captured is said', async () => {
  const folder = repository()
  writeFileSync(join(folder, 'a.py'), 'changed\n')
  // A git that edits the file when the patch is made.
  const fake = temporaryFolder()
  const script = `#!/bin/sh\ncase "$*" in *diff-index*) echo more >> '${folder}/a.py';; esac\nexec '${GIT}' "$@"\n`
  writeFileSync(join(fake, 'git'), script, { mode: 0o755 })
  const environment = { ...GIT_ENVIRONMENT, PATH: `${fake}:${process.env['PATH'] ?? ''}` }
  const captured = await look(folder, { environment }, { filesDirectory: temporaryFolder() })
  expect(captured.warnings.join()).toContain('the repository changed while it was captured')
})

test('a conflict is seen with all its versions', async () => {
  const folder = repository()
  git(folder, 'checkout', '-q', '-b', 'other')
  write(folder, 'a.py', 'theirs\n')
  git(folder, 'commit', '-q', '-a', '-m', 'theirs')
  git(folder, 'checkout', '-q', 'main')
  write(folder, 'a.py', 'ours\n')
  git(folder, 'commit', '-q', '-a', '-m', 'ours')
  expect(() => git(folder, 'merge', 'other')).toThrow('merge')
  const files = temporaryFolder()
  const captured = await look(folder, {}, { filesDirectory: files })
  expect(captured.value).toMatchObject({ conflicted: ['a.py'], staged: [], modified: [] })
  expect(listAt(captured.value, 'changed')).toMatchObject([{ conflict: 'UU', stages: [{}, {}, {}] }])
  expect(captured.warnings.join()).toContain('1 files are in conflict')
  expect(readFileSync(join(files, 'diff.patch'), 'utf8')).toContain('<<<<<<<')
})

test('files that git was told not to look at are named', async () => {
  const folder = repository()
  git(folder, 'update-index', '--assume-unchanged', 'a.py')
  git(folder, 'update-index', '--skip-worktree', 'b.py')
  const captured = await look(folder)
  expect(captured.value).toMatchObject({ assumedUnchanged: ['a.py'], skippedFiles: 1 })
  expect(captured.warnings).toHaveLength(2)
})

describe('it does not wait', () => {
  /** A folder with a git that does something else. */
  function fakeGit(script: string): NodeJS.ProcessEnv {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'git'), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
    return { PATH: `${folder}:/usr/bin:/bin` }
  }

  test('a git that hangs is absent when its time is over', async () => {
    const captured = await look(repository(), { environment: fakeGit('sleep 60'), timeout: 300 })
    expect(captured.value).toEqual({ available: false, reason: 'git did not answer within 0.3 s' })
  })

  test('a git that talks nonsense is absent', async () => {
    const { value } = await look(repository(), { environment: fakeGit('echo true; echo nonsense') })
    expect(value['available']).toBe(false)
  })

  test('an abort ends it with the reason of the signal', async () => {
    const reason = new Error('enough')
    const controller = new AbortController()
    setTimeout(() => controller.abort(reason), 100)
    const started = performance.now()
    const running = look(repository(), { environment: fakeGit('sleep 60') }, { signal: controller.signal })
    await expect(running).rejects.toBe(reason)
    expect(performance.now() - started).toBeLessThan(3000)
  })
})
