import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  lstatSync,
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
import { GIT_ENVIRONMENT, git, listAt, temporaryFolder, gitInTurn } from '../fixture.ts'
import { look, paths, repository, write } from './look.ts'

/** Digest of every file below a folder with its times and mode, to show that nothing was written. */
function fingerprint(folder: string): string {
  const hash = createHash('sha256')
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    const { mtimeNs, ctimeNs, mode, ino } = lstatSync(path, { bigint: true })
    hash.update(`${path}\0${mtimeNs} ${ctimeNs} ${mode} ${ino}\0`)
    if (entry.isFile()) hash.update(readFileSync(path))
  }
  return hash.digest('hex')
}

describe('it never writes to the repository', () => {
  test('.git stays as it is, also where git would refresh its index', async () => {
    const folder = repository({ 'a.py': 'a\n', 'big.bin': Buffer.alloc(1 << 16, 7), 'c.py': 'c\n' })
    write(folder, 'b.py', 'untracked')
    // With a real change beside those of time alone, `git diff` would be called and would write.
    write(folder, 'c.py', 'changed\n')
    git(folder, 'config', 'core.untrackedCache', 'true')
    utimesSync(join(folder, 'a.py'), 1000, 1000)
    utimesSync(join(folder, 'big.bin'), 1000, 1000)
    const before = fingerprint(join(folder, '.git'))
    await look(folder, { bundle: true }, { filesDirectory: join(temporaryFolder(), 'git') })
    expect(fingerprint(join(folder, '.git'))).toBe(before)
  })

  test('nor in a linked work tree in the middle of a merge, with a submodule', async () => {
    const folder = repository({ 'a.py': 'a\n', '.gitattributes': '*.bin filter=lfs\n', 'm.bin': 'm\n' })
    gitInTurn(folder, ['submodule', '--quiet', 'add', repository(), 'lib'], ['commit', '-q', '-m', 'library'])
    const linked = join(temporaryFolder(), 'linked')
    git(folder, 'worktree', 'add', '-q', '-b', 'side', linked)
    for (const [place, content] of [
      [linked, 'side\n'],
      [folder, 'main\n'],
    ] as const) {
      write(place, 'a.py', content)
      git(place, 'commit', '-q', '-a', '-m', content)
    }
    expect(() => git(linked, 'merge', 'main')).toThrow('merge')
    write(folder, 'lib/a.py', 'changed in the submodule\n')
    const before = [fingerprint(join(folder, '.git')), fingerprint(linked)]
    for (const place of [folder, linked])
      await look(place, { bundle: true }, { filesDirectory: join(temporaryFolder(), 'git') })
    expect([fingerprint(join(folder, '.git')), fingerprint(linked)]).toEqual(before)
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
    gitInTurn(outer, ['add', '-A'], ['commit', '-q', '-m', 'm'])
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
    expect(performance.now() - started).toBeLessThan(30_000)
  })
})
