import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { hashTree } from '../../src/hash/tree.ts'
import { createManifest } from '../../src/manifest/manifest.ts'
import { folderOf } from '../support/folder.ts'
import { lineaprint } from '../support/program.ts'

const FILES = {
  'data/.lineaprintignore': '# caches\n*.tmp\n/scratch/\n',
  'data/a': '1',
  'data/b.tmp': '2',
  'data/scratch/c': '3',
  'data/sub/.lineaprintignore': '!keep.tmp\n/d\n',
  'data/sub/keep.tmp': '4',
  'data/sub/d': '5',
  'data/sub/deep/d': '6',
}

/** The same without what is left out. */
const KEPT = Object.fromEntries(
  Object.entries(FILES).filter(([name]) => !/b\.tmp|scratch|sub\/d$/.test(name)),
)

const tree = async (cwd: string, ...args: string[]): Promise<string> => {
  const { code, stdout } = await lineaprint(['hash', 'data', ...args], { cwd })
  expect(code).toBe(0)
  return stdout
}

test('.lineaprintignore excludes what it lists but not itself, with a warning', async () => {
  const [cwd, kept] = [folderOf(FILES), folderOf(KEPT)]
  const hashed = await lineaprint(['hash', 'data'], { cwd })
  expect(hashed).toMatchObject({
    code: 0,
    stdout: await tree(kept, '--no-ignore-file'),
    stderr: expect.stringMatching(
      /^lineaprint: warning: data: \.lineaprintignore excludes \*\.tmp \/scratch\/ !\/sub\/\*\*\/keep\.tmp \/sub\/d \(.*--no-ignore-file.*\)\n$/,
    ) as string,
  })
  const json = await lineaprint(['hash', 'data', '--json', '--ignore', 'a'], { cwd })
  expect(JSON.parse(json.stdout)).toMatchObject([
    { files: 4, ignored: 4, ignore: ['*.tmp', '/scratch/', '!/sub/**/keep.tmp', '/sub/d', 'a'] },
  ])
  // Another file of patterns is another folder, though it leaves out the same.
  writeFileSync(join(cwd, 'data/.lineaprintignore'), '*.tmp\n/scratch/\n')
  expect(await tree(cwd)).not.toBe(hashed.stdout)
})

test('the library counts everything unless it is asked', async () => {
  const cwd = folderOf(FILES)
  const all = await hashTree(join(cwd, 'data'))
  expect(all).toMatchObject({ files: 8, ignored: 0, ignoreFiles: [] })
  expect(`${all.digest.toString()}  data\n`).toBe(await tree(cwd, '--no-ignore-file'))
  const some = await hashTree(join(cwd, 'data'), { ignoreFiles: true, list: true })
  expect(some).toMatchObject({ files: 5, ignored: 3 })
  expect(some.entries?.map(({ path }) => path)).toEqual([
    '.lineaprintignore',
    'a',
    'sub/.lineaprintignore',
    'sub/deep/d',
    'sub/keep.tmp',
  ])
  const sample = { strategy: 'strided', count: 2 } as const
  const sampled = await hashTree(join(cwd, 'data'), { ignoreFiles: true, sample })
  expect(sampled).toMatchObject({ files: 5, ignored: 3 })
})

test('--ignore-file gives patterns for the root, --ignore decides over them, --no-ignore-file over both files', async () => {
  const cwd = folderOf({
    'data/a': '1',
    'data/b': '2',
    'data/sub/a': '3',
    list: '# x\r\n\r\na\r\n',
    more: '!/a',
  })
  const hash = async (...args: string[]): Promise<number> => {
    const { stdout } = await lineaprint(['hash', 'data', '--json', ...args], { cwd })
    return (JSON.parse(stdout) as { files: number }[])[0]?.files ?? -1
  }
  expect(await hash('--ignore-file', 'list')).toBe(1)
  expect(await hash('--ignore-file', 'list', '--ignore-file', 'more')).toBe(2)
  expect(await hash('--ignore-file', 'list', '--ignore', '!a')).toBe(3)
  expect(await hash('--no-ignore-file')).toBe(3)
  for (const [name, content, code, words] of [
    ['none', undefined, 3, /no such file/],
    ['latin1', new Uint8Array([0xe9]), 3, /not UTF-8/],
    ['bad', '{a', 3, /bad ignore pattern/],
  ] as const) {
    if (content !== undefined) writeFileSync(join(cwd, name), content)
    const outcome = await lineaprint(['hash', 'data', '--ignore-file', name], { cwd })
    expect(outcome).toMatchObject({ code, stdout: '' })
    expect(outcome.stderr).toMatch(words)
  }
})

test('a manifest records the patterns, and a check uses the recorded ones', async () => {
  const cwd = folderOf(FILES)
  const made = await lineaprint(['manifest', 'data', '-o', 'm.json'], { cwd })
  expect(made).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/excludes \*\.tmp \/scratch\//) as string,
  })
  const { ignore, entries } = JSON.parse(readFileSync(join(cwd, 'm.json'), 'utf8')) as {
    ignore: string[]
    entries: { path: string }[]
  }
  expect(ignore).toEqual(['*.tmp', '/scratch/', '!/sub/**/keep.tmp', '/sub/d'])
  expect(entries).toHaveLength(5)
  expect((await createManifest(join(cwd, 'data'), { ignoreFiles: true })).ignore).toEqual(ignore)
  expect(await lineaprint(['check', 'm.json', 'data'], { cwd })).toMatchObject({ code: 0, stdout: '' })
  // Whoever changes the folder cannot hide a change by it.
  writeFileSync(join(cwd, 'data/.lineaprintignore'), '*\n')
  writeFileSync(join(cwd, 'data/a'), 'x')
  writeFileSync(join(cwd, 'data/new.tmp'), 'y')
  writeFileSync(join(cwd, 'data/new'), 'z')
  expect(await lineaprint(['check', 'm.json', 'data'], { cwd })).toMatchObject({
    code: 1,
    stdout: 'changed  .lineaprintignore\nchanged  a\nadded  new\n',
  })
  const all = await lineaprint(['manifest', 'data', '--no-ignore-file'], { cwd })
  expect(JSON.parse(all.stdout)).toMatchObject({ ignore: [], includeSkipped: false })
})

test('--include-skipped counts .git and .lineaprint', async () => {
  const cwd = folderOf({ 'data/a': '1', 'data/.git/HEAD': '2', 'data/sub/.lineaprint/x': '3' })
  expect(await tree(cwd)).not.toBe(await tree(cwd, '--include-skipped'))
  const all = await hashTree(join(cwd, 'data'), { includeSkipped: true })
  expect(await tree(cwd, '--include-skipped')).toBe(`${all.digest.toString()}  data\n`)
  await lineaprint(['manifest', 'data', '--include-skipped', '-o', 'm.json'], { cwd })
  expect(JSON.parse(readFileSync(join(cwd, 'm.json'), 'utf8'))).toMatchObject({ includeSkipped: true })
  writeFileSync(join(cwd, 'data/.git/HEAD'), 'x')
  expect((await lineaprint(['check', 'm.json', 'data'], { cwd })).stdout).toBe('changed  .git/HEAD\n')
})
