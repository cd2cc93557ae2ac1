/** What a capture keeps is enough to bring the work tree back: capture, restore, compare. */
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { gitCapture } from '../../../src/capture/git/git-capture.ts'
import { emptyRepository, git, listAt, temporaryFolder, textAt, gitInTurn } from '../fixture.ts'
import { rounds } from '../../support/random.ts'
import type { Captured } from '../../../src/core/component.ts'

const LF = '\n'

/** Every file below a folder but git's own: path, mode and content, bytes as Latin-1. */
function snapshot(root: string): Map<string, string> {
  const entries = new Map<string, string>()
  const walk = (folder: Buffer): void => {
    for (const name of readdirSync(folder, { encoding: 'buffer' })) {
      if (name.toString() === '.git') continue
      const path = Buffer.concat([folder, Buffer.from('/'), name])
      const stat = lstatSync(path)
      const key = path.subarray(Buffer.byteLength(root) + 1).toString('latin1')
      if (stat.isDirectory()) walk(path)
      else if (stat.isSymbolicLink()) entries.set(key, `link ${readlinkSync(path)}`)
      else
        entries.set(key, `${(stat.mode & 0o100) === 0 ? '' : 'x '}${readFileSync(path).toString('latin1')}`)
    }
  }
  walk(Buffer.from(root))
  return entries
}

/** Brings a capture back as its documentation says. */
function restore(captured: Captured, files: string, repository: string): string {
  const target = join(temporaryFolder('restored'), 'clone')
  execFileSync('git', ['clone', '-q', '--no-checkout', repository, target], { stdio: 'ignore' })
  git(target, 'checkout', '-q', '--detach', textAt(captured.value, 'commit'))
  if (existsSync(join(files, 'diff.patch'))) git(target, 'apply', join(files, 'diff.patch'))
  if (existsSync(join(files, 'staged.patch'))) git(target, 'apply', '--cached', join(files, 'staged.patch'))
  if (existsSync(join(files, 'untracked'))) cpSync(join(files, 'untracked'), target, { recursive: true })
  for (const entry of listAt(captured.value, 'untracked')) {
    // A copy has no mode of its own: the record has it.
    if (entry['mode'] === '100755') chmodSync(join(target, textAt(entry, 'path')), 0o755)
    if (entry['kind'] !== 'link') continue
    const path = join(target, textAt(entry, 'path'))
    mkdirSync(join(path, '..'), { recursive: true })
    symlinkSync(textAt(entry, 'target'), path)
  }
  return target
}

async function roundTrip(repository: string): Promise<{ before: Captured; after: Captured; target: string }> {
  const files = join(temporaryFolder('files'), 'git')
  const before = await gitCapture.capture({
    directory: repository,
    algorithm: 'blake3',
    filesDirectory: files,
  })
  const target = restore(before, files, repository)
  const after = await gitCapture.capture({ directory: target, algorithm: 'blake3' })
  return { before, after, target }
}

/** The index as git lists it. */
function indexOf(repository: string): string {
  return git(repository, 'ls-files', '--stage', '-z')
}

describe('capture, restore, compare', () => {
  test('a work tree with every kind of change comes back as it was', async () => {
    const repository = emptyRepository()
    const file = (name: string): string => join(repository, name)
    mkdirSync(file('deep/er'), { recursive: true })
    const binary = Buffer.from(Array.from({ length: 4096 }, (_, index) => (index * 7919) % 256))
    writeFileSync(file('plain.py'), `one${LF}two${LF}three${LF}`)
    writeFileSync(file('staged.py'), `a${LF}`)
    writeFileSync(file('both.py'), Array.from({ length: 40 }, (_, index) => `line ${index}${LF}`).join(''))
    writeFileSync(file('with space.txt'), 'x')
    writeFileSync(file('line\nend.txt'), `y${LF}`)
    writeFileSync(file('-n'), `dash${LF}`)
    writeFileSync(file('quo"te\\back.txt'), `q${LF}`)
    writeFileSync(file('übung ñ 日本.txt'), `u${LF}`)
    writeFileSync(file('windows.txt'), 'a\r\nb\r\n')
    writeFileSync(file('model.bin'), binary)
    writeFileSync(file('run.sh'), `#!/bin/sh${LF}`)
    writeFileSync(file('gone.txt'), `g${LF}`)
    writeFileSync(file('removed.txt'), `r${LF}`)
    writeFileSync(file('deep/er/old name.txt'), `${LF}content of some length that renames detect${LF}`)
    writeFileSync(file('becomes-link'), `f${LF}`)
    symlinkSync('plain.py', file('link'))
    gitInTurn(repository, ['add', '-A'], ['commit', '-q', '-m', 'base'])

    writeFileSync(file('staged.py'), `b${LF}`)
    writeFileSync(file('both.py'), `line 0 staged${LF}${readFileSync(file('both.py'), 'utf8').slice(7)}`)
    writeFileSync(file('new staged.py'), `new${LF}`)
    renameSync(file('deep/er/old name.txt'), file('deep/new name.txt'))
    gitInTurn(
      repository,
      ['rm', '-q', 'removed.txt'],
      ['add', 'staged.py', 'both.py', 'new staged.py', 'deep'],
    )

    writeFileSync(file('plain.py'), `one${LF}2${LF}three`)
    writeFileSync(file('both.py'), `${readFileSync(file('both.py'), 'utf8')}tail${LF}`)
    writeFileSync(file('with space.txt'), 'xx')
    writeFileSync(file('line\nend.txt'), `yy${LF}`)
    writeFileSync(file('-n'), `dashed${LF}`)
    writeFileSync(file('quo"te\\back.txt'), `qq${LF}`)
    writeFileSync(file('übung ñ 日本.txt'), `uu${LF}`)
    writeFileSync(file('windows.txt'), 'a\r\nc\r\nd\n')
    writeFileSync(file('model.bin'), Buffer.concat([binary.subarray(100), Buffer.from([0, 1, 2])]))
    chmodSync(file('run.sh'), 0o755)
    unlinkSync(file('gone.txt'))
    unlinkSync(file('link'))
    symlinkSync('deep', file('link'))
    unlinkSync(file('becomes-link'))
    symlinkSync('nowhere', file('becomes-link'))

    mkdirSync(file('un tracked'))
    writeFileSync(file('un tracked/a\nb.bin'), binary)
    writeFileSync(file('un tracked/tool'), `#!/bin/sh${LF}`)
    chmodSync(file('un tracked/tool'), 0o755)
    symlinkSync('/etc/passwd', file('un tracked/out'))

    const { before, after, target } = await roundTrip(repository)
    expect(snapshot(target)).toEqual(snapshot(repository))
    expect(indexOf(target)).toBe(indexOf(repository))
    expect(after.digest).toBe(before.digest)
    expect(gitCapture.compare(before, after)).toEqual({ status: 'same', differences: [] })
    expect(before.value['staged']).toEqual([
      'both.py',
      'deep/er/old name.txt',
      'deep/new name.txt',
      'new staged.py',
      'removed.txt',
      'staged.py',
    ])
    expect(listAt(before.value, 'untracked').map(({ path }) => path)).toEqual([
      'un tracked/a\nb.bin',
      'un tracked/out',
      'un tracked/tool',
    ])
  })

  test('a file removed from the index alone comes back as untracked', async () => {
    const repository = emptyRepository()
    writeFileSync(join(repository, 'kept.txt'), `k${LF}`)
    gitInTurn(repository, ['add', '-A'], ['commit', '-q', '-m', 'base'], ['rm', '-q', '--cached', 'kept.txt'])
    const { before, after } = await roundTrip(repository)
    expect(after.digest).toBe(before.digest)
    expect(listAt(after.value, 'untracked')).toMatchObject([{ path: 'kept.txt' }])
  })

  test('a folder in the place of a file, and a file in the place of a folder', async () => {
    const repository = emptyRepository()
    mkdirSync(join(repository, 'folder'))
    writeFileSync(join(repository, 'folder/inside'), `i${LF}`)
    writeFileSync(join(repository, 'file'), `f${LF}`)
    gitInTurn(repository, ['add', '-A'], ['commit', '-q', '-m', 'base'])
    rmSync(join(repository, 'folder'), { recursive: true })
    writeFileSync(join(repository, 'folder'), `now a file${LF}`)
    unlinkSync(join(repository, 'file'))
    mkdirSync(join(repository, 'file'))
    writeFileSync(join(repository, 'file/inside'), `now a folder${LF}`)
    const { before, after, target } = await roundTrip(repository)
    expect(snapshot(target)).toEqual(snapshot(repository))
    expect(after.digest).toBe(before.digest)
  })

  test('a submodule at another commit keeps its commits in index and record', async () => {
    const library = emptyRepository()
    for (const content of ['1', '2', '3']) {
      writeFileSync(join(library, 'f'), content)
      gitInTurn(library, ['add', '-A'], ['commit', '-q', '-m', content])
    }
    const repository = emptyRepository()
    git(repository, 'submodule', '--quiet', 'add', library, 'lib')
    git(join(repository, 'lib'), 'checkout', '-q', 'main~2')
    gitInTurn(repository, ['add', '-A'], ['commit', '-q', '-m', 'base'])
    git(join(repository, 'lib'), 'checkout', '-q', 'main~1')
    git(repository, 'add', 'lib')
    git(join(repository, 'lib'), 'checkout', '-q', 'main')
    writeFileSync(join(repository, 'lib/f'), 'dirty')
    const { before, target } = await roundTrip(repository)
    expect(indexOf(target)).toBe(indexOf(repository))
    expect(before.value['submodules']).toEqual([
      {
        path: 'lib',
        index: git(library, 'rev-parse', 'main~1').trim(),
        workTree: git(library, 'rev-parse', 'main').trim(),
        modified: true,
        untracked: false,
        url: library,
        content: {
          status: 'captured',
          changed: [expect.objectContaining({ path: 'f', unstaged: 'M' }) as object],
          untracked: [],
          submodules: [],
        },
      },
    ])
    expect(before.warnings.join()).toContain('the submodule "lib" has uncommitted changes')
  })

  test('line ends that attributes convert come back', async () => {
    const repository = emptyRepository()
    writeFileSync(join(repository, '.gitattributes'), `*.txt text eol=crlf${LF}*.raw -text${LF}`)
    writeFileSync(join(repository, 'a.txt'), 'a\r\nb\r\n')
    writeFileSync(join(repository, 'b.raw'), 'a\r\nb\n')
    gitInTurn(repository, ['add', '-A'], ['commit', '-q', '-m', 'base'])
    writeFileSync(join(repository, 'a.txt'), 'a\r\nchanged\r\n')
    writeFileSync(join(repository, 'b.raw'), 'a\nchanged\r\n')
    const { before, after, target } = await roundTrip(repository)
    expect(snapshot(target)).toEqual(snapshot(repository))
    expect(after.digest).toBe(before.digest)
  })

  test('a repository with SHA-256 object ids', async () => {
    const repository = temporaryFolder('repository')
    git(repository, 'init', '-q', '--object-format=sha256')
    writeFileSync(join(repository, 'a'), `a${LF}`)
    gitInTurn(repository, ['add', '-A'], ['commit', '-q', '-m', 'base'])
    writeFileSync(join(repository, 'a'), `b${LF}`)
    const { before, after } = await roundTrip(repository)
    expect(before.value).toMatchObject({
      objectFormat: 'sha256',
      commit: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    })
    expect(after.digest).toBe(before.digest)
  })

  test('whatever was done, and in whatever order', { timeout: 300_000 }, async () => {
    const name = fc.constantFrom('a', 'b c', 'd\ne', '-f', 'g/h', 'g/i', 'ü')
    const content = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      fc
        .array(fc.constantFrom('one', 'two', '', '\r', '+++ b/x', '-- '), { maxLength: 12 })
        .map((lines) => lines.join(LF)),
    )
    const step = fc.oneof(
      fc.record({ do: fc.constant('write' as const), name, content }),
      fc.record({
        do: fc.constantFrom('delete', 'executable', 'link', 'stage', 'unstage').map(String),
        name,
      }),
      fc.record({ do: fc.constant('move' as const), name, to: name }),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 8 }),
        fc.array(step, { maxLength: 12 }),
        async (first, then) => {
          const repository = emptyRepository()
          for (const one of first) apply(repository, one)
          gitInTurn(repository, ['add', '-A'], ['commit', '-q', '--allow-empty', '-m', 'base'])
          for (const one of then) apply(repository, one)
          const { before, after, target } = await roundTrip(repository)
          expect(snapshot(target)).toEqual(snapshot(repository))
          expect(indexOf(target)).toBe(indexOf(repository))
          expect(after.digest).toBe(before.digest)
        },
      ),
      { numRuns: rounds(4) },
    )
  })
})

interface Step {
  readonly do: string
  readonly name: string
  readonly content?: string | Buffer
  readonly to?: string
}

/** Does one step; what is impossible, such as deleting what is not there, is left out. */
function apply(repository: string, { do: what, name, content = '', to = name }: Step): void {
  const path = join(repository, name)
  const there = lstatSync(path, { throwIfNoEntry: false })
  mkdirSync(join(repository, 'g'), { recursive: true })
  if (what === 'write') {
    if (there?.isSymbolicLink() === true) unlinkSync(path)
    writeFileSync(path, content)
  } else if (what === 'link') {
    rmSync(path, { force: true })
    symlinkSync('a', path)
  } else if (what === 'unstage') git(repository, 'rm', '-q', '--cached', '--ignore-unmatch', '-f', '--', name)
  else if (what === 'stage') git(repository, 'add', '-A', '--', '.')
  else if (there === undefined) return
  else if (what === 'delete') unlinkSync(path)
  else if (what === 'executable' && there.isFile()) chmodSync(path, 0o755)
  else if (what === 'move') renameSync(path, join(repository, to))
}
