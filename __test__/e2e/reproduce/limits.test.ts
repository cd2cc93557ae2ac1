/** Runs that cannot be brought back as they were, and records that do not tell the truth. */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { findRun } from '../../../src/database/runs.ts'
import { readRun } from '../../../src/store/runs.ts'
import { storeIn } from '../../../src/store/store.ts'
import { emptyRepository, git, temporaryFolder } from '../../capture/fixture.ts'
import { lineaprint } from '../../support/program.ts'
import { COPY, FAST, again, forged, recorded, repositoryOf, snapshot, verdicts } from './support.ts'
import { finished } from '../../tracking/support.ts'
import type { StoredRun } from '../../../src/store/runs.ts'

test('what a run does not keep is named, and stops nothing', async () => {
  const root = repositoryOf({ 'in.txt': 'x', '.gitignore': 'out.txt' })
  const library = repositoryOf({ 'lib.txt': 'l' })
  git(root, 'submodule', '--quiet', 'add', library, 'lib')
  git(root, 'commit', '-q', '-m', 'with a submodule')
  writeFileSync(join(root, '.env'), 'PASSWORD=x')
  mkdirSync(join(root, 'nested'))
  git(join(root, 'nested'), 'init', '-q')
  const run = await recorded(root, COPY, ['--output', 'o=out.txt'])
  const answer = await again(run)
  expect(verdicts(answer)).toEqual([
    'code git same',
    'code submodules.lib not-restored',
    'code untracked..env not-restored',
    'code untracked.nested/ not-restored',
    'environment environment not-compared',
    'seeds seeds not-compared',
    'command end same',
    'outputs o same',
  ])
  expect(answer.reproduced).toBe(true)
})

test('without git, reproduce says so', async () => {
  const root = repositoryOf({ 'in.txt': 'x' })
  const run = await recorded(root, COPY)
  const folder = temporaryFolder()
  const args = ['reproduce', run.id, '--into', join(folder, 'again')]
  const { code, stderr } = await lineaprint(args, { cwd: root, env: { ...FAST, PATH: folder } })
  expect([code, stderr]).toEqual([3, expect.stringMatching(/: git is not installed, .*; install git/)])
})

test('the error about a run that cannot be reproduced names what is missing', async () => {
  const root = repositoryOf({ 'in.txt': 'x' })
  const off = await recorded(root, '', [], { LINEAPRINT_ENABLE_GIT_TRACKING: 'false' })
  await expect(again(off)).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_STATE',
    message: expect.stringContaining('it was not captured') as string,
  })
  const nowhere = temporaryFolder()
  await expect(again(await recorded(nowhere, ''))).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_STATE',
    message: expect.stringContaining('was not inside a git work tree') as string,
  })
  const own = await finished(root, { enableGitTracking: true, experimentName: 'own' })
  await expect(again(own)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_STATE', field: 'command' })
  expect(verdicts(await again(own, { run: false }))[0]).toBe('code git same')
  const secret = await lineaprint(
    [
      'run',
      '--name',
      'secret',
      '--',
      process.execPath,
      '-e',
      '',
      '--',
      '--token',
      'hf_aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789',
    ],
    { cwd: root, env: FAST },
  )
  expect(secret.code).toBe(0)
  await expect(again(await findRun(storeIn(root), 'secret'))).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_COMMAND',
    message: expect.stringMatching(/argument \d of the command held a secret.*"<redacted>"/) as string,
  })
})

test('a record or file that is not as it was sealed, and a run without a seal', async () => {
  const root = repositoryOf({ 'in.txt': 'x' })
  writeFileSync(join(root, 'in.txt'), 'y')
  const run = await recorded(root, '')
  appendFileSync(join(run.folder, 'git/diff.patch'), '\n')
  await expect(again(run)).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_RECORD',
    message: expect.stringMatching(/git\/diff\.patch \(changed\)/) as string,
  })
  const path = join(run.folder, 'run.json')
  writeFileSync(path, readFileSync(path, 'utf8').replace('"node"', '"nope"'))
  await expect(again(await readRun(run.folder))).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_RECORD',
    message: expect.stringContaining('seal (changed)') as string,
  })
  await expect(again({ ...run, record: { ...run.record, seal: null } })).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_STATE',
  })
})

test('a commit that no branch holds is found; one that is gone is named', async () => {
  const root = repositoryOf({ 'in.txt': 'x', '.gitignore': 'out.txt' })
  const run = await recorded(root, COPY, ['--output', 'o=out.txt'])
  git(root, 'commit', '-q', '--allow-empty', '--amend', '-m', 'other')
  expect(await again(run)).toMatchObject({ reproduced: true })
  git(root, 'reflog', 'expire', '--expire=now', '--all')
  git(root, 'gc', '-q', '--prune=now')
  await expect(again(run)).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_STATE',
    field: 'commit',
    path: root,
  })
  rmSync(root, { recursive: true })
  mkdirSync(root)
})

describe('commits that no remote has', () => {
  /** A run in a clone with a commit of its own and a change, and the origin of the clone. */
  const lonely = async (...options: readonly string[]): Promise<{ root: string; run: StoredRun }> => {
    const origin = repositoryOf({ 'in.txt': 'x', '.gitignore': 'out.txt' })
    const root = join(temporaryFolder('clone'), 'a b')
    git(origin, 'clone', '-q', origin, root)
    writeFileSync(join(root, 'in.txt'), 'committed here alone')
    git(root, 'commit', '-q', '-a', '-m', 'private')
    writeFileSync(join(root, 'in.txt'), 'and changed')
    const run = await recorded(root, COPY, [...options, '--output', 'o=out.txt'])
    // Another clone lies in its place: the run is all that is left.
    const kept = join(temporaryFolder('kept'), 'store')
    renameSync(join(root, '.lineaprint'), kept)
    rmSync(root, { recursive: true })
    git(origin, 'clone', '-q', origin, root)
    renameSync(kept, join(root, '.lineaprint'))
    return { root, run: await readRun(run.folder) }
  }

  test('are brought back from the bundle', async () => {
    const { root, run } = await lonely('--bundle')
    const before = snapshot(root)
    const answer = await again(run)
    expect(snapshot(root)).toEqual(before)
    expect(verdicts(answer)).toContain('code git same')
    // The original output went with the clone; the bytes are the same all the same.
    expect(verdicts(answer)).toContain('outputs o same')
    expect(answer.reproduced).toBe(true)
    expect(readFileSync(join(answer.directory, 'in.txt'), 'utf8')).toBe('and changed')
    expect(git(answer.directory, 'rev-parse', 'HEAD').trim()).toMatch(/^[0-9a-f]{40}$/)
  })

  test('are missed without one, which is said with the way out', async () => {
    const { run } = await lonely()
    await expect(again(run)).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_STATE',
      field: 'commit',
      hint: expect.stringContaining('--bundle') as string,
    })
  })

  test('a bundle without a remote is the whole history: the repository need not be there', async () => {
    const root = repositoryOf({ 'in.txt': 'x', '.gitignore': 'out.txt' })
    const run = await recorded(root, COPY, ['--bundle', '--output', 'o=out.txt'])
    const kept = join(temporaryFolder('kept'), 'store')
    renameSync(join(root, '.lineaprint'), kept)
    rmSync(root, { recursive: true })
    onTestFinished(() => void mkdirSync(root, { recursive: true }))
    const moved = await readRun(join(kept, 'runs', run.id))
    expect(verdicts(await again(moved))).toContain('outputs o same')
    writeFileSync(join(moved.folder, 'git/unpushed.bundle'), 'damaged')
    await expect(again(moved)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_RECORD' })
  })
})

test('a changed file that was too large to keep is not restored, and the rest is', async () => {
  const root = repositoryOf({ 'in.txt': 'x', 'large.bin': 'small', '.gitignore': 'out.txt' })
  writeFileSync(join(root, 'in.txt'), 'changed')
  writeFileSync(join(root, 'large.bin'), Buffer.alloc(4000, 7))
  writeFileSync(join(root, 'lineaprint.config.json'), '{"git":{"patchLimit":2000}}')
  const answer = await again(await recorded(root, COPY, ['--output', 'o=out.txt']))
  expect(verdicts(answer).slice(0, 2)).toEqual(['code git same', 'code changed.large.bin not-restored'])
  expect(answer.items[1]?.detail).toBe('it was not kept: it has 4000 bytes')
  expect(readFileSync(join(answer.directory, 'out.txt'), 'utf8')).toBe('changed')
  expect(answer.reproduced).toBe(true)
})

test('untracked paths of a record that lead outside the work tree are refused', async () => {
  const outside = temporaryFolder('outside')
  const root = repositoryOf({ 'in.txt': 'x' })
  symlinkSync(outside, join(root, 'link'))
  git(root, 'add', 'link')
  git(root, 'commit', '-q', '-m', 'link')
  const run = await recorded(root, '')
  const cases = {
    '../evil': 'is outside the work tree',
    [`${outside}/evil`]: 'is outside the work tree',
    'a/../../evil': 'is outside the work tree',
    'a//evil': 'is outside the work tree',
    '.git/hooks/post-checkout': 'is outside the work tree',
    'sub/.GIT/config': 'is outside the work tree',
    'link/evil': 'a parent of its path is a link or a file',
    'in.txt/evil': 'a parent of its path is a link or a file',
    'in.txt': 'lists this path twice',
  }
  for (const [path, why] of Object.entries(cases)) {
    for (const kind of ['file', 'link']) {
      const content = { digests: { blake3: 'blake3:00' }, size: 4, reason: null }
      const entry = { path, kind, mode: '100644', target: 'in.txt', kept: true, ...content }
      mkdirSync(join(run.folder, 'git/untracked'), { recursive: true })
      writeFileSync(join(run.folder, 'git/untracked/in.txt'), 'evil')
      const other = await forged(run, (value) => ({ ...value, untracked: [entry] }))
      const into = join(temporaryFolder('into'), 'deep', 'tree')
      await expect(again(other, { into, approve: true }), `${kind} ${path}`).rejects.toMatchObject({
        code: 'ERR_LINEAPRINT_RECORD',
        message: expect.stringContaining(why) as string,
      })
      const deep = join(into, '..')
      expect(existsSync(deep) ? readdirSync(deep) : []).toEqual([])
      expect(readdirSync(outside)).toEqual([])
    }
  }
})

test('a record without its changed files: the restored tree differs from the record', async () => {
  const root = repositoryOf({ 'in.txt': 'x' })
  writeFileSync(join(root, 'in.txt'), 'y')
  const run = await forged(await recorded(root, ''), (value) => ({ ...value, changed: [] }))
  await expect(again(run, { approve: true })).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_STATE',
    message: expect.stringMatching(/differs from the record: changed\.in\.txt/) as string,
  })
  expect(verdicts(await again(run, { run: false }))[0]).toBe('code git different')
  const climbing = await forged(run, (value) => ({ ...value, directory: '../..' }))
  await expect(again(climbing, { approve: true })).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_RECORD' })
})

test('a file behind a filter of git is not called restored', async () => {
  const root = emptyRepository()
  git(root, 'config', 'filter.upper.clean', 'tr a-z A-Z')
  git(root, 'config', 'filter.upper.smudge', 'tr A-Z a-z; touch executed')
  writeFileSync(join(root, '.gitattributes'), '*.low filter=upper\n')
  writeFileSync(join(root, 'in.low'), 'text')
  writeFileSync(join(root, 'in.txt'), 'x')
  git(root, 'add', '-A')
  git(root, 'commit', '-q', '-m', 'base')
  const run = await recorded(root, COPY, ['--output', 'o=out.txt'])
  writeFileSync(join(root, 'in.low'), 'other text')
  const answer = await again(run, { run: false })
  expect(answer.items.slice(0, 2)).toMatchObject([
    { name: 'git', verdict: 'same', detail: expect.stringContaining('except') as string },
    { name: 'filter.upper', verdict: 'not-restored', detail: expect.stringMatching(/^in\.low: /) as string },
  ])
  // The configuration of a repository from a record could name any program.
  expect(readFileSync(join(answer.directory, 'in.low'), 'utf8')).toBe('TEXT')
  expect(existsSync(join(answer.directory, 'executed'))).toBe(false)
})
