import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createGit } from '../../../src/capture/git/command.ts'
import { beginIgnored, writtenIgnored } from '../../../src/tracking/changes/ignored.ts'
import { repository, write } from '../../capture/git/look.ts'

async function writtenIn(root: string, since = 0): Promise<string[]> {
  const git = createGit({ directory: root, timeout: 60_000, environment: process.env })
  const { paths, isComplete } = await writtenIgnored(root, await beginIgnored(git), since)
  expect(isComplete).toBe(true)
  return paths.map(({ text }) => text)
}

test('ignored files and those in ignored folders are found; those of tools, links and others are not', async () => {
  const root = repository({
    'a.py': '1',
    '.gitignore': '*.pt\nout/\n.venv/\nenv/\nnode_modules/\n__pycache__/\n*.pyc\n',
  })
  for (const path of [
    'best.pt',
    'sub/x.pt',
    'out/deep/er/log.txt',
    'out/.lineaprint/run.json',
    'out/__pycache__/a.pyc',
    '.venv/lib/x',
    'env/pyvenv.cfg',
    'env/lib/x',
    'node_modules/p/x',
    'seen.txt',
    'b.pyc',
  ])
    write(root, path, 'x')
  mkdirSync(join(root, 'out/empty'))
  symlinkSync('/etc', join(root, 'out/link'))
  expect(await writtenIn(root)).toEqual(['best.pt', 'out/deep/er/log.txt', 'sub/x.pt'])
})

test('what is older than the run is left out', async () => {
  const root = repository({ 'a.py': '1', '.gitignore': '*.pt\n' })
  write(root, 'old.pt', 'x')
  expect(await writtenIn(root, Date.now() + 3_600_000)).toEqual([])
})

test('there is a limit, which is said', async () => {
  const root = repository({ 'a.py': '1', '.gitignore': 'out/\n' })
  const git = createGit({ directory: root, timeout: 60_000, environment: process.env })
  write(root, 'out/x', 'x')
  const ignored = await beginIgnored(git)
  const many = { ...ignored, paths: Array.from({ length: 10_001 }, () => ignored.paths).flat() }
  expect((await writtenIgnored(root, many, 0)).isComplete).toBe(false)
})
