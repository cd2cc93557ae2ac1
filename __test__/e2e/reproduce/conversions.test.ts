/**
 * Work trees whose bytes git converts, hides or merges. Each comes back byte for byte, or what does not is named; no
 * state of a repository stops a reproduction.
 */

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  utimesSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { emptyRepository, git, temporaryFolder } from '../../capture/fixture.ts'
import { finished } from '../../tracking/support.ts'
import { again, forged, recorded } from './support.ts'
import type { JsonObject } from '../../../src/core/json-value.ts'
import type { StoredRun } from '../../../src/store/runs.ts'
import type { ReproduceItem, Reproduction } from '../../../src/reproduce/reproduce.ts'

const CRLF = '\r\n'

/** A repository that stands in the state of a case. */
class Case {
  readonly root: string = emptyRepository()

  write(files: Readonly<Record<string, string | Buffer>>): void {
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(join(this.root, name, '..'), { recursive: true })
      writeFileSync(join(this.root, name), content)
    }
  }

  git(...args: readonly string[]): string {
    return git(this.root, ...args)
  }

  /** Runs git where it stops at a conflict. */
  stopped(...args: readonly string[]): void {
    try {
      this.git(...args)
    } catch {
      return
    }
    throw new Error(`git ${args[0]} did not stop`)
  }

  commit(files: Readonly<Record<string, string | Buffer>>, message = 'base'): void {
    this.write(files)
    this.git('add', '-A')
    this.git('commit', '-q', '-m', message)
  }

  /** Writes tracked files again, as a checkout does it. */
  checkOut(...paths: readonly string[]): void {
    for (const path of paths) rmSync(join(this.root, path))
    this.git('checkout', '--', ...paths)
  }
}

/** Two branches that change one file in two ways, `main` being checked out. */
function diverged(repository: Case): void {
  repository.commit({ 'a.txt': 'base\n', 'gone.txt': 'g\n', 'same.txt': 's\n' })
  repository.git('checkout', '-q', '-b', 'other')
  repository.write({ 'new.txt': 'theirs\n' })
  repository.commit({ 'a.txt': 'theirs\n', 'gone.txt': 'changed\n' }, 'theirs')
  repository.git('checkout', '-q', 'main')
  rmSync(join(repository.root, 'gone.txt'))
  repository.commit({ 'a.txt': 'ours\n', 'new.txt': 'ours\n' }, 'ours')
}

const ROT = { clean: 'tr a-z b-za', smudge: 'tr b-za a-z' }

function rot(repository: Case): void {
  repository.git('config', 'filter.rot.clean', ROT.clean)
  repository.git('config', 'filter.rot.smudge', ROT.smudge)
  repository.commit({ '.gitattributes': '*.rot filter=rot\n', 'a.rot': 'alpha\n', 'b.rot': 'beta\n' })
}

/** States that come back byte for byte. */
const RESTORED: Readonly<Record<string, (repository: Case) => void>> = {
  'a filter of the repository': rot,
  'a filter of the repository, and a change behind it': (repository) => {
    rot(repository)
    repository.write({ 'a.rot': 'gamma\n' })
    repository.write({ 'b.rot': 'delta\n', 'c.rot': 'new\n' })
    repository.git('add', 'b.rot', 'c.rot')
  },
  'core.autocrlf': (repository) => {
    repository.git('config', 'core.autocrlf', 'true')
    repository.commit({ 'a.txt': `a${CRLF}b${CRLF}`, 'b.bin': Buffer.from([0, 13, 10, 10]) })
    repository.write({ 'a.txt': `a${CRLF}c${CRLF}` })
  },
  'core.autocrlf, and lines that end in both ways': (repository) => {
    repository.git('config', 'core.autocrlf', 'true')
    repository.commit({ 'a.txt': `a\nb\n`, 'b.txt': `a${CRLF}b\n`, 'c.txt': 'c\n' })
    repository.write({ 'c.txt': `c${CRLF}d\n` })
  },
  'core.autocrlf=input over files that have CRLF': (repository) => {
    repository.git('config', 'core.autocrlf', 'input')
    repository.commit({ 'a.txt': `a${CRLF}b${CRLF}` })
  },
  'core.autocrlf that was set after the checkout': (repository) => {
    repository.commit({ 'a.txt': 'a\nb\n' })
    repository.git('config', 'core.autocrlf', 'true')
  },
  'core.autocrlf that was unset after the checkout': (repository) => {
    repository.git('config', 'core.autocrlf', 'true')
    repository.commit({ 'a.txt': `a${CRLF}b${CRLF}` })
    repository.git('config', '--unset', 'core.autocrlf')
  },
  'eol=crlf': (repository) => {
    repository.commit({ '.gitattributes': '*.txt text eol=crlf\n', 'a.txt': 'a\n', 'b.txt': `b${CRLF}` })
    repository.checkOut('a.txt')
    repository.write({ 'c.txt': 'c\n' })
  },
  'eol=lf, and an editor that writes CRLF': (repository) => {
    repository.commit({
      '.gitattributes': '*.txt text eol=lf\n',
      'a.txt': 'a\n',
      'b.txt': 'b\n',
      'c.txt': 'c\nd\n',
    })
    repository.write({ 'a.txt': `a${CRLF}`, 'b.txt': `b${CRLF}b${CRLF}`, 'c.txt': `c${CRLF}d\n` })
  },
  'core.autocrlf=input, and an editor that writes CRLF': (repository) => {
    repository.git('config', 'core.autocrlf', 'input')
    repository.commit({ 'a.txt': 'a\n', 'b.txt': 'b\n' })
    repository.write({ 'a.txt': `a${CRLF}`, 'b.txt': `c${CRLF}` })
    repository.git('add', 'b.txt')
  },
  'text=auto over files that have CRLF': (repository) => {
    repository.commit({ '.gitattributes': '* text=auto\n', 'a.txt': `a${CRLF}`, 'b.txt': 'b\n' })
  },
  'core.eol': (repository) => {
    repository.git('config', 'core.eol', 'crlf')
    repository.commit({ '.gitattributes': '* text=auto\n', 'a.txt': `a${CRLF}` })
    repository.write({ 'a.txt': `a${CRLF}b${CRLF}` })
  },
  'working-tree-encoding': (repository) => {
    const attributes = '*.txt text working-tree-encoding=UTF-16LE-BOM eol=lf\n'
    const utf16 = (text: string): Buffer => Buffer.from(`\uFEFF${text}`, 'utf16le')
    repository.commit({ '.gitattributes': attributes, 'a.txt': utf16('ä\n'), 'b.txt': utf16('ö\n') })
    repository.write({ 'b.txt': utf16('ö\nü\n') })
  },
  ident: (repository) => {
    repository.commit({ '.gitattributes': '*.py ident\n', 'a.py': '# $Id$\n', 'b.py': '# $Id$\n' })
    repository.checkOut('a.py')
    repository.write({ 'b.py': '# $Id: mine $\n' })
  },
  'attributes of .git/info': (repository) => {
    repository.commit({ 'a.txt': 'a\n' })
    writeFileSync(join(repository.root, '.git/info/attributes'), '*.txt eol=crlf\n')
    repository.checkOut('a.txt')
  },
  'an attributes file that the configuration names': (repository) => {
    const file = join(temporaryFolder(), 'attributes')
    writeFileSync(file, '*.txt eol=crlf\n')
    repository.git('config', 'core.attributesFile', file)
    repository.commit({ 'a.txt': 'a\n' })
    repository.checkOut('a.txt')
  },
  'attributes that changed after the checkout': (repository) => {
    repository.commit({ 'a.txt': 'a\n', 'b.txt': `b${CRLF}` })
    repository.write({ '.gitattributes': '*.txt eol=crlf\n' })
  },
  'attributes that changed after the checkout, and times that git does not trust': (repository) => {
    repository.commit({ 'a.txt': 'a\n', 'b.txt': `b${CRLF}` })
    repository.write({ '.gitattributes': '*.txt eol=crlf\n' })
    // The time differs from that of the index, so git reads the file again.
    utimesSync(join(repository.root, 'b.txt'), new Date(), new Date(Date.now() + 5000))
  },
  'attributes that changed and were checked out': (repository) => {
    repository.commit({ '.gitattributes': '', 'a.txt': 'a\n', 'b.txt': 'b\n' })
    repository.write({ '.gitattributes': '*.txt eol=crlf\n' })
    repository.checkOut('a.txt')
    repository.write({ 'b.txt': `b${CRLF}c${CRLF}` })
  },
  'intent to add': (repository) => {
    repository.commit({ 'a.txt': 'a\n' })
    repository.write({ 'new.py': 'print(1)\n', 'folder/[x] y.py': 'print(2)\n', empty: '' })
    repository.git('add', '-N', 'new.py', 'folder', 'empty')
  },
  'intent to add, and the file is gone': (repository) => {
    repository.commit({ 'a.txt': 'a\n' })
    repository.write({ 'new.py': 'print(1)\n' })
    repository.git('add', '-N', 'new.py')
    rmSync(join(repository.root, 'new.py'))
  },
  'a merge with conflicts': (repository) => {
    diverged(repository)
    repository.stopped('merge', 'other')
  },
  'a merge with a conflict that was resolved': (repository) => {
    diverged(repository)
    repository.stopped('merge', 'other')
    repository.write({ 'a.txt': 'both\n' })
    repository.git('add', 'a.txt')
    rmSync(join(repository.root, 'new.txt'))
  },
  'a merge that is not committed': (repository) => {
    repository.commit({ 'a.txt': 'a\n' })
    repository.git('checkout', '-q', '-b', 'other')
    repository.commit({ 'b.txt': 'b\n' }, 'theirs')
    repository.git('checkout', '-q', 'main')
    repository.commit({ 'c.txt': 'c\n' }, 'ours')
    repository.git('merge', '-q', '--no-commit', 'other')
  },
  'a rebase with conflicts': (repository) => {
    diverged(repository)
    repository.stopped('rebase', 'other')
  },
  'a cherry-pick with conflicts': (repository) => {
    diverged(repository)
    repository.stopped('cherry-pick', 'other')
  },
  'a revert with conflicts': (repository) => {
    diverged(repository)
    repository.commit({ 'a.txt': 'later\n' }, 'later')
    repository.stopped('revert', '--no-edit', 'HEAD~1')
  },
  'a patch that stopped (am)': (repository) => {
    diverged(repository)
    const patch = join(temporaryFolder(), 'a.patch')
    writeFileSync(patch, repository.git('format-patch', '-1', '--stdout', 'other'))
    repository.stopped('am', '-3', patch)
  },
  'a bisect': (repository) => {
    for (const text of ['1', '2', '3', '4']) repository.commit({ 'a.txt': text }, text)
    repository.git('bisect', 'start', 'HEAD', 'HEAD~3')
  },
  'a stash that does not apply': (repository) => {
    diverged(repository)
    repository.write({ 'a.txt': 'stashed\n' })
    repository.git('stash', '-q')
    repository.commit({ 'a.txt': 'again\n' }, 'again')
    repository.stopped('stash', 'pop')
  },
  'a conflict with line ends that git converts': (repository) => {
    repository.git('config', 'core.autocrlf', 'true')
    diverged(repository)
    repository.stopped('merge', 'other')
  },
  'a sparse checkout of folders': (repository) => {
    repository.commit({ 'a/1': '1', 'b/2': '2', 'c/3': '3', top: 't' })
    repository.git('sparse-checkout', 'set', '--cone', 'a')
    repository.write({ 'a/1': 'changed' })
  },
  'a sparse checkout by patterns': (repository) => {
    repository.commit({ 'a/1': '1', 'b/2': '2', 'c/3': '3', top: 't' })
    repository.git('sparse-checkout', 'set', '--no-cone', '/*', '!/b/')
  },
  'a sparse checkout, and a file outside of it': (repository) => {
    repository.commit({ 'a/1': '1', 'b/2': '2', top: 't' })
    repository.git('sparse-checkout', 'set', '--cone', 'a')
    repository.write({ 'b/2': 'other' })
  },
  'files marked skip-worktree': (repository) => {
    repository.commit({ 'a.txt': 'a\n', 'b.txt': 'b\n', 'c.txt': 'c\n' })
    repository.git('update-index', '--skip-worktree', 'a.txt', 'b.txt', 'c.txt')
    repository.write({ 'a.txt': 'hidden\n' })
    rmSync(join(repository.root, 'b.txt'))
  },
  'files marked assume-unchanged': (repository) => {
    repository.commit({ 'a.txt': 'a\n', 'b.txt': 'b\n', 'c.sh': 'c\n' })
    repository.git('update-index', '--assume-unchanged', 'a.txt', 'b.txt', 'c.sh')
    repository.write({ 'a.txt': 'hidden\n' })
    rmSync(join(repository.root, 'b.txt'))
    chmodSync(join(repository.root, 'c.sh'), 0o755)
  },
  'mode bits that git does not see': (repository) => {
    repository.git('config', 'core.fileMode', 'false')
    repository.commit({ 'a.sh': '#!/bin/sh\n', 'b.sh': '#!/bin/sh\n', 'c.txt': 'c' })
    repository.git('update-index', '--chmod=+x', 'b.sh')
    repository.git('commit', '-q', '-m', 'mode')
    chmodSync(join(repository.root, 'a.sh'), 0o755)
    chmodSync(join(repository.root, 'b.sh'), 0o644)
  },
  'links that git writes as files': (repository) => {
    repository.write({ 'a.txt': 'a' })
    symlinkSync('a.txt', join(repository.root, 'link'))
    symlinkSync('a.txt', join(repository.root, 'real'))
    repository.git('add', '-A')
    repository.git('commit', '-q', '-m', 'links')
    repository.git('config', 'core.symlinks', 'false')
    repository.checkOut('link')
  },
  'two names that differ in case': (repository) => {
    repository.commit({ 'Data.csv': '1', 'data.csv': '2' })
    repository.git('config', 'core.ignoreCase', 'true')
    repository.write({ 'data.csv': '3' })
  },
  'a name whose case changed': (repository) => {
    repository.commit({ 'Data.csv': '1' })
    repository.git('config', 'core.ignoreCase', 'true')
    repository.git('mv', 'Data.csv', 'other')
    repository.git('mv', 'other', 'data.csv')
  },
}

/** The entry at a path: kind, bytes, and whether its owner may execute it. */
function entryAt(path: string): string {
  if (!existsSync(path) && !isLink(path)) return 'absent'
  const info = lstatSync(path)
  if (info.isSymbolicLink()) return `link ${readlinkSync(path)}`
  return `${(info.mode & 0o100) === 0 ? 'file' : 'program'} ${readFileSync(path, 'latin1')}`
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true
}

/** Return the paths of a work tree that git tracks or would track. */
function pathsOf(root: string): string[] {
  const output = git(root, 'ls-files', '-z', '--cached', '--others', '--exclude-standard')
  return [...new Set(output.split('\0'))].filter(
    (path) => path !== '' && !path.startsWith('.lineaprint') && !path.endsWith('/'),
  )
}

/** Compare two work trees path by path: the slow and obvious check. Return the paths that differ. */
function differing(before: Readonly<Record<string, string>>, target: string): string[] {
  const paths = new Set([...Object.keys(before), ...pathsOf(target)])
  return [...paths].filter((path) => (before[path] ?? 'absent') !== entryAt(join(target, path)))
}

function entriesOf(root: string): Record<string, string> {
  return Object.fromEntries(pathsOf(root).map((path) => [path, entryAt(join(root, path))]))
}

function code({ items }: Reproduction): readonly ReproduceItem[] {
  return items.filter(({ section }) => section === 'code')
}

/** Check that each path that differs is named by an item, and that nothing differs unexplained. */
function expectNamed(answer: Reproduction, paths: readonly string[]): void {
  const items = code(answer)
  expect(items.filter(({ verdict }) => verdict === 'different')).toEqual([])
  const named = items.filter(({ verdict }) => verdict === 'not-restored')
  const unnamed = paths.filter(
    (path) =>
      !named.some(
        ({ name, detail, differences }) =>
          `${name}\n${detail}`.includes(path) || differences.some(({ field }) => field.includes(path)),
      ),
  )
  expect(unnamed).toEqual([])
}

const OWN = { GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' }

/** Changes every file of a work tree, as work goes on after a run. */
function moveOn(root: string): void {
  for (const path of pathsOf(root)) {
    const file = join(root, path)
    if (entryAt(file) === 'absent') continue
    rmSync(file)
    writeFileSync(file, 'moved on\n')
  }
}

/** Cases whose recorded bytes only the work tree of the run had. */
const LOST: Readonly<Record<string, readonly string[]>> = {
  'a filter of the repository': ['a.rot', 'b.rot'],
  'a filter of the repository, and a change behind it': ['a.rot', 'b.rot', 'c.rot'],
  'core.autocrlf, and lines that end in both ways': ['b.txt', 'c.txt'],
  'eol=lf, and an editor that writes CRLF': ['c.txt'],
  ident: ['b.py'],
  'files marked skip-worktree': ['a.txt'],
  'files marked assume-unchanged': ['a.txt'],
}

/** A run that a program recorded in a repository. */
async function captured(root: string): Promise<StoredRun> {
  setVariables(OWN)
  return finished(root, { enableGitTracking: true })
}

describe('comes back byte for byte, and after the work tree has changed or is named', () => {
  test.for(Object.entries(RESTORED))('%s', async ([name, arrange]) => {
    const repository = new Case()
    arrange(repository)
    const before = entriesOf(repository.root)
    const index = git(repository.root, 'ls-files', '-t', '--stage')
    const run = await captured(repository.root)
    const answer = await again(run, { run: false })
    expect(differing(before, answer.directory), JSON.stringify(code(answer), null, 1)).toEqual([])
    expect(git(answer.directory, 'ls-files', '-t', '--stage')).toBe(index)
    expectNamed(answer, [])

    moveOn(repository.root)
    const later = await again(run, { run: false })
    const paths = differing(before, later.directory)
    expect(paths.toSorted(), JSON.stringify(code(later), null, 1)).toEqual(LOST[name] ?? [])
    expectNamed(later, paths)
  })
})

/** A program that stands for one of the machine, with the folder of a global configuration that names it. */
function globalFilter(name: string, settings: Readonly<Record<string, string>>): Record<string, string> {
  const file = join(temporaryFolder(), 'config')
  for (const [key, value] of Object.entries(settings))
    git(temporaryFolder(), 'config', '--file', file, `filter.${name}.${key}`, value)
  return { ...OWN, GIT_CONFIG_GLOBAL: file }
}

/** Sets variables of this process, under which `reproduceRun` starts git, until the test ends. */
function setVariables(variables: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value)
  onTestFinished(() => void vi.unstubAllEnvs())
}

function sha256(content: string): string {
  return createHash('sha256').update(content).digest('hex')
}

const POINTER = (content: string): string =>
  `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256(content)}\nsize ${content.length}\n`

const WEIGHTS = 'weights '.repeat(1000)

// As `git-lfs clean`, for one content.
const CLEAN = `cat > /dev/null; printf '${POINTER(WEIGHTS).replaceAll('\n', '\\n')}'`

/** A repository with a file of Git LFS, whose filter this test stands in for. */
function withLargeFile(repository: Case, content: string): void {
  repository.commit({ '.gitattributes': '*.bin filter=lfs -text\n', 'm.bin': POINTER(content) })
  repository.write({ 'm.bin': content })
  // The index then has the size of the content, as after a checkout.
  repository.git('-c', `filter.lfs.clean=${CLEAN}`, 'add', 'm.bin')
  const oid = sha256(content)
  repository.write({ [`.git/lfs/objects/${oid.slice(0, 2)}/${oid.slice(2, 4)}/${oid}`]: content })
}

describe('Git LFS', () => {
  const [content, clean] = [WEIGHTS, CLEAN]

  test.for([
    ['its smudge filter fails', { clean, smudge: 'exit 1', required: 'true' }],
    ['its process fails', { clean, process: 'false', required: 'true' }],
    ['it is not installed any more', {}],
  ] as const)('content comes from the objects of the repository where %s', async ([, filter]) => {
    const repository = new Case()
    withLargeFile(repository, content)
    const run = await recorded(repository.root, '', [], globalFilter('lfs', { clean, smudge: 'cat' }))
    setVariables(globalFilter('lfs', filter))
    moveOn(repository.root)
    const answer = await again(run, { run: false })
    expect(readFileSync(join(answer.directory, 'm.bin'), 'utf8')).toBe(content)
    expect(code(answer)).toMatchObject([{ name: 'git', verdict: 'same' }])
  })

  test('content that is nowhere any more is named', async () => {
    const repository = new Case()
    withLargeFile(repository, content)
    const run = await recorded(repository.root, '', [], globalFilter('lfs', { clean, smudge: 'cat' }))
    setVariables(globalFilter('lfs', { clean, smudge: 'exit 1', required: 'true' }))
    rmSync(join(repository.root, '.git/lfs'), { recursive: true })
    moveOn(repository.root)
    const answer = await again(run, { run: false })
    expect(code(answer)).toMatchObject([
      { name: 'git', verdict: 'same' },
      {
        name: 'filter.lfs',
        verdict: 'not-restored',
        differences: [{ field: 'workTreeFiles.m.bin', before: `sha256:${sha256(content)}` }],
      },
    ])
  })

  test('an object with other bytes is not used', async () => {
    const repository = new Case()
    withLargeFile(repository, content)
    const run = await recorded(repository.root, '', [], globalFilter('lfs', { clean, smudge: 'cat' }))
    const oid = sha256(content)
    repository.write({
      [`.git/lfs/objects/${oid.slice(0, 2)}/${oid.slice(2, 4)}/${oid}`]: 'x'.repeat(content.length),
    })
    moveOn(repository.root)
    const answer = await again(run, { run: false })
    expect(readFileSync(join(answer.directory, 'm.bin'), 'utf8')).toBe(POINTER(content))
    expectNamed(answer, ['m.bin'])
  })

  test('a pointer that the run had in its work tree comes back as a pointer', async () => {
    const repository = new Case()
    withLargeFile(repository, content)
    repository.write({ 'm.bin': POINTER(content) })
    repository.git('add', 'm.bin')
    const run = await recorded(repository.root, '', [], OWN)
    const answer = await again(run, { run: false })
    expect(readFileSync(join(answer.directory, 'm.bin'), 'utf8')).toBe(POINTER(content))
    expect(code(answer)).toMatchObject([{ name: 'git', verdict: 'same' }])
  })
})

test('a filter of the user is tried where the bytes are nowhere else, and one of the repository is not', async () => {
  const repository = new Case()
  const marker = join(temporaryFolder(), 'executed')
  repository.git('config', 'filter.own.clean', 'tr a-z b-za')
  repository.git('config', 'filter.own.smudge', `touch ${marker}; tr b-za a-z`)
  const user = globalFilter('shared', { clean: 'tr a-z b-za', smudge: 'tr b-za a-z' })
  setVariables(user)
  repository.write({ '.gitattributes': '*.own filter=own\n*.shared filter=shared\n' })
  repository.write({ 'a.own': 'alpha\n', 'a.shared': 'alpha\n' })
  for (const args of [
    ['add', '-A'],
    ['commit', '-q', '-m', 'base'],
  ])
    execFileSync('git', ['-C', repository.root, '-c', 'user.name=a', '-c', 'user.email=a@b', ...args])
  const run = await recorded(repository.root, '', [], user)
  moveOn(repository.root)
  rmSync(marker, { force: true })
  const answer = await again(run, { run: false })
  expect(readFileSync(join(answer.directory, 'a.shared'), 'utf8')).toBe('alpha\n')
  expect(readFileSync(join(answer.directory, 'a.own'), 'utf8')).toBe('bmqib\n')
  expect(code(answer)).toMatchObject([
    { name: 'git', verdict: 'same' },
    { name: 'filter.own', verdict: 'not-restored', detail: expect.stringMatching(/^a\.own: /) as string },
  ])
  expect(existsSync(marker)).toBe(false)
})

test('settings that changed since the run are not those of the new work tree', async () => {
  const repository = new Case()
  repository.commit({ 'a.txt': 'a\nb\n' })
  const run = await recorded(repository.root, '', [], OWN)
  repository.git('config', 'core.autocrlf', 'true')
  writeFileSync(join(repository.root, '.git/info/attributes'), '*.txt ident working-tree-encoding=UTF-16\n')
  const answer = await again(run, { run: false })
  expect(readFileSync(join(answer.directory, 'a.txt'), 'utf8')).toBe('a\nb\n')
  expect(code(answer)).toMatchObject([{ name: 'git', verdict: 'same' }])
})

test('a command reads the recorded bytes, and its run is the same', async () => {
  const repository = new Case()
  repository.commit({ '.gitignore': 'out.txt\n' })
  rot(repository)
  const source = 'require("fs").copyFileSync("a.rot", "out.txt")'
  const run = await recorded(repository.root, source, ['--output', 'o=out.txt'], OWN)
  const answer = await again(run)
  expect(answer.items).toMatchObject([
    { name: 'git', verdict: 'same' },
    { section: 'environment' },
    { section: 'seeds' },
    { section: 'command', verdict: 'same' },
    { section: 'outputs', verdict: 'same' },
  ])
})

test('a record that lists a path outside of the work tree is refused', async () => {
  const repository = new Case()
  repository.commit({ 'a.txt': 'a\n' })
  const run = await recorded(repository.root, '', [], OWN)
  for (const path of ['../outside', '.git/config', 'a/../../b', '/etc/passwd']) {
    const entry = { path, cause: 'skip-worktree', workTree: null }
    const deceiving = await forged(run, (value) => ({
      ...value,
      workTreeFiles: { files: [entry], unlisted: 0 },
    }))
    await expect(again(deceiving, { run: false })).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_RECORD' })
  }
})

test('bytes are not read or removed through a link', async () => {
  const repository = new Case()
  repository.commit({ 'folder/a.txt': 'a\n' })
  const outside = temporaryFolder()
  writeFileSync(join(outside, 'a.txt'), 'theirs\n')
  rmSync(join(repository.root, 'folder'), { recursive: true })
  symlinkSync(outside, join(repository.root, 'folder'))
  const run = await recorded(repository.root, '', [], OWN)
  const entry = { path: 'folder/a.txt', cause: 'skip-worktree', workTree: null }
  const deceiving = await forged(run, (value) => ({
    ...value,
    workTreeFiles: { files: [entry], unlisted: 0 },
  }))
  await again(deceiving, { run: false })
  expect(readFileSync(join(outside, 'a.txt'), 'utf8')).toBe('theirs\n')
})

function omit(value: JsonObject, field: string): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([name]) => name !== field))
}

test('a record of an earlier version does not make bytes that git converts the recorded ones', async () => {
  const repository = new Case()
  rot(repository)
  const run = await recorded(repository.root, '', [], OWN)
  const earlier = await forged(run, (value) => omit(value, 'workTreeFiles'))
  const answer = await again(earlier, { run: false })
  expect(code(answer)).toMatchObject([
    { name: 'git', verdict: 'same' },
    {
      name: 'filter.rot',
      verdict: 'not-restored',
      detail: expect.stringMatching(/^a\.rot, b\.rot: /) as string,
    },
  ])
})

/** A repository with a submodule `lib` and two commits of it, the first being recorded. */
function withSubmodule(repository: Case): string {
  const library = new Case()
  library.commit({ '.gitattributes': '*.txt text eol=crlf\n', 'a.txt': 'a\n', 'b.rot': 'b\n' })
  repository.commit({ 'main.txt': 'm\n' })
  repository.git('submodule', '--quiet', 'add', library.root, 'lib')
  repository.git('commit', '-q', '-m', 'library')
  return join(repository.root, 'lib')
}

/** States of a submodule, of which the new work tree has nothing. */
const SUBMODULES: Readonly<Record<string, (repository: Case) => void>> = {
  'one that git converts': (repository) => void withSubmodule(repository),
  'one with a change that git converts': (repository) => {
    writeFileSync(join(withSubmodule(repository), 'a.txt'), `a${CRLF}b${CRLF}`)
  },
  'one with a filter that fails': (repository) => {
    const lib = withSubmodule(repository)
    git(lib, 'config', 'filter.rot.clean', 'false')
    git(lib, 'config', 'filter.rot.required', 'true')
    writeFileSync(join(repository.root, '.git/modules/lib/info/attributes'), '*.rot filter=rot\n')
  },
  'one with an intent to add': (repository) => {
    const lib = withSubmodule(repository)
    writeFileSync(join(lib, 'new'), 'n')
    git(lib, 'add', '-N', 'new')
  },
  'one with an unfinished merge': (repository) => {
    const lib = withSubmodule(repository)
    git(lib, 'checkout', '-q', '-b', 'one')
    writeFileSync(join(lib, 'b.rot'), 'one')
    git(lib, 'commit', '-q', '-a', '-m', 'one')
    git(lib, 'checkout', '-q', '-b', 'two', 'HEAD~1')
    writeFileSync(join(lib, 'b.rot'), 'two')
    git(lib, 'commit', '-q', '-a', '-m', 'two')
    expect(() => git(lib, 'merge', 'one')).toThrow('merge')
  },
  'one with a hidden file': (repository) => {
    const lib = withSubmodule(repository)
    git(lib, 'update-index', '--skip-worktree', 'b.rot')
    writeFileSync(join(lib, 'b.rot'), 'hidden')
  },
  'one that is in conflict itself': (repository) => {
    const lib = withSubmodule(repository)
    for (const [branch, from] of [
      ['ours', 'main'],
      ['theirs', 'main'],
    ] as const) {
      repository.git('checkout', '-q', '-b', branch, from)
      git(lib, 'checkout', '-q', '--detach', 'origin/main')
      git(lib, 'commit', '-q', '--allow-empty', '-m', branch)
      repository.git('commit', '-q', '-a', '-m', branch)
    }
    repository.stopped('merge', 'ours')
  },
}

describe('a submodule is named and stops nothing', () => {
  test.for(Object.entries(SUBMODULES))('%s', async ([, arrange]) => {
    const repository = new Case()
    arrange(repository)
    const run = await captured(repository.root)
    const answer = await again(run, { run: false })
    expectNamed(answer, [])
    expect(code(answer)).toContainEqual(
      expect.objectContaining({ name: 'submodules.lib', verdict: 'not-restored' }),
    )
    expect(readFileSync(join(answer.directory, 'main.txt'), 'utf8')).toBe('m\n')
  })
})

test('a submodule that the run had not checked out is the same', async () => {
  const repository = new Case()
  withSubmodule(repository)
  repository.git('submodule', '--quiet', 'deinit', '--force', 'lib')
  const answer = await again(await captured(repository.root), { run: false })
  expect(code(answer)).toMatchObject([{ name: 'git', verdict: 'same' }])
})

test('a filter that fails hides no code from the run', async () => {
  const repository = new Case()
  repository.commit({ '.gitattributes': '*.big filter=big\n', 'a.big': 'a\n', 'b.txt': 'b\n' })
  repository.git('config', 'filter.big.clean', 'false')
  repository.git('config', 'filter.big.required', 'true')
  repository.write({ 'a.big': 'changed\n', 'b.txt': 'changed too\n' })
  const before = entriesOf(repository.root)
  const run = await captured(repository.root)
  expect(run.record.captures['git']).toMatchObject({
    value: { available: true },
    warnings: expect.arrayContaining([expect.stringContaining('without filters')]) as string[],
  })
  moveOn(repository.root)
  const answer = await again(run, { run: false })
  expect(differing(before, answer.directory)).toEqual([])
  expectNamed(answer, [])
})
