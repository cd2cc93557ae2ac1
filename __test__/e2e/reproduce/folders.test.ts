/** Where a run is brought back to: folders, paths that move with it, and what may not be overwritten. */
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { TreeMap } from '../../../src/reproduce/paths.ts'
import { findRun } from '../../../src/database/runs.ts'
import { readRun } from '../../../src/store/runs.ts'
import { storeIn } from '../../../src/store/store.ts'
import { git, temporaryFolder } from '../../capture/fixture.ts'
import { lineaprint } from '../../support/program.ts'
import { COPY, FAST, again, recorded, repositoryOf, snapshot } from './support.ts'

test('folders that are not taken', async () => {
  const root = repositoryOf({ 'in.txt': 'x', '.gitignore': 'out.txt' })
  const run = await recorded(root, COPY, ['--output', 'o=out.txt'])
  const full = temporaryFolder()
  writeFileSync(join(full, 'mine'), '')
  const refused = { code: 'ERR_LINEAPRINT_ARGUMENT', field: 'into' }
  await expect(again(run, { into: full })).rejects.toMatchObject(refused)
  expect(readdirSync(full)).toEqual(['mine'])
  await expect(again(run, { into: join(full, 'mine') })).rejects.toMatchObject(refused)
  await expect(again(run, { into: join(root, 'inside') })).rejects.toMatchObject(refused)
  await expect(again(run, { tolerance: NaN })).rejects.toMatchObject({ field: 'tolerance' })
  const empty = temporaryFolder()
  expect(await again(run, { into: empty })).toMatchObject({ directory: empty, reproduced: true })
  const { directory } = await again(run, { into: undefined, run: false })
  expect(readFileSync(join(directory, 'in.txt'), 'utf8')).toBe('x')
  rmSync(join(directory, '..'), { recursive: true })
})

test('an output that running again would overwrite', async () => {
  const root = repositoryOf({ 'in.txt': 'x' })
  const outside = join(temporaryFolder('outside'), 'o.txt')
  const source = `require('fs').writeFileSync(${JSON.stringify(outside)}, 'o')`
  const run = await recorded(root, source, ['--output', `o=${outside}`])
  await expect(again(run)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_STATE', path: outside })
  expect(readFileSync(outside, 'utf8')).toBe('o')
  // A link in the tree that leads back into the repository.
  mkdirSync(join(root, 'real'))
  symlinkSync(join(root, 'real'), join(root, 'link'))
  const write = 'require("fs").writeFileSync("link/o", "o")'
  const linked = await recorded(root, write, ['--name', 'linked', '--output', 'o=link/o'])
  rmSync(join(root, 'real/o'))
  await expect(again(linked)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_STATE', field: 'outputs.o' })
  expect(readdirSync(join(root, 'real'))).toEqual([])
})

test('a program in a folder that git ignores is used where it is', async () => {
  const root = repositoryOf({ 'in.txt': 'x', '.gitignore': 'bin/\nout.txt' })
  mkdirSync(join(root, 'bin'))
  writeFileSync(join(root, 'bin/copy'), '#!/bin/sh\ncp in.txt out.txt\n', { mode: 0o755 })
  const { code } = await lineaprint(['run', '--output', 'o=out.txt', '--', 'bin/copy'], {
    cwd: root,
    env: FAST,
  })
  expect(code).toBe(0)
  const answer = await again(await findRun(storeIn(root), '@latest'))
  expect(answer.reproduced).toBe(true)
  expect((await readRun(answer.run?.folder ?? '')).record.command.argv).toEqual([join(root, 'bin/copy')])
})

test('a linked work tree, a path with a line end, a store elsewhere, and a seed from the environment', async () => {
  const origin = repositoryOf({ 'in.txt': 'x', '.gitignore': 'out.txt' })
  const main = join(temporaryFolder('main'), 'a b\nc')
  git(origin, 'clone', '-q', origin, main)
  const root = join(temporaryFolder('work'), 'linked')
  git(main, 'worktree', 'add', '-q', '--detach', root)
  writeFileSync(join(root, 'in.txt'), 'y')
  const store = temporaryFolder('store')
  const source = 'require("fs").writeFileSync("out.txt", String(process.env.LINEAPRINT_SEED))'
  const args = ['run', '--output-dir', store, '--output', 'o=out.txt', '--', process.execPath, '-e', source]
  const env = { ...FAST, LINEAPRINT_SEED: '5' }
  expect((await lineaprint(args, { cwd: root, env })).code).toBe(0)
  const before = [snapshot(main), snapshot(root), snapshot(store)]
  const answer = await again(await findRun(storeIn(store), '@latest'))
  expect([snapshot(main), snapshot(root), snapshot(store)]).toEqual(before)
  expect(answer.reproduced).toBe(true)
  expect(readFileSync(join(answer.directory, 'out.txt'), 'utf8')).toBe('5')
  expect(readFileSync(join(answer.directory, 'in.txt'), 'utf8')).toBe('y')
  // A record does not decide that something is written outside of the new tree.
  expect(answer.run?.folder.startsWith(join(answer.directory, '.lineaprint'))).toBe(true)
})

test('a signal of the caller stops the work and leaves no folder', async () => {
  const run = await recorded(repositoryOf({ 'in.txt': 'x' }), '')
  const into = join(temporaryFolder(), 'tree')
  const signal = AbortSignal.timeout(15)
  await expect(again(run, { into, signal })).rejects.toHaveProperty('name', 'TimeoutError')
  expect(existsSync(into)).toBe(false)
})

test('paths of the old tree in text', () => {
  const map = new TreeMap('/repo', '/alias/sub', 'sub', '/new')
  expect(map.text('/repo')).toBe('/new')
  expect(map.text('--data=/repo/x:/repo/y')).toBe('--data=/new/x:/new/y')
  expect(map.text("cd '/repo' && ls /repo/a")).toBe("cd '/new' && ls /new/a")
  expect(map.text('-I/repo/include')).toBe('-I/new/include')
  expect(map.text('/alias/x')).toBe('/new/x')
  for (const other of ['/repository', '/repo.git', '/repo-2/x', '/other/repo', 'my/repo/x', '../repo'])
    expect(map.text(other)).toBe(other)
  expect(map.path('/repo/a/b')).toBe('/new/a/b')
  expect(map.path('/repository')).toBe('/repository')
})
