import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { diffTrees, matchRenames } from '../../src/hash/tree-diff.ts'
import { folderOf } from '../support/folder.ts'

const told = (diff: Awaited<ReturnType<typeof diffTrees>>): string[] =>
  diff.changes.map(({ status, path, from }) =>
    [status, path, from].filter((part) => part !== undefined).join(' '),
  )

test('what is added, removed, changed and renamed', async () => {
  const before = folderOf({ 'a.txt': 'a', 'sub/b.txt': 'b', 'c.txt': 'c', same: 's', empty: '' })
  const after = folderOf({ 'a.txt': 'A', 'other/b.txt': 'b', 'd.txt': 'd', same: 's', void: '' })
  const diff = await diffTrees(before, after)
  expect(told(diff)).toEqual([
    'changed a.txt',
    'removed c.txt',
    'added d.txt',
    'removed empty',
    'renamed other/b.txt sub/b.txt',
    'added void',
  ])
  expect(diff).toMatchObject({
    kind: 'folder',
    same: false,
    counts: { changed: 1, renamed: 1, added: 2, removed: 2 },
  })
})

test('equal folders, patterns, and unknown options', async () => {
  const [before, after] = [folderOf({ a: 'a', log: '1' }), folderOf({ a: 'a', log: '2' })]
  expect((await diffTrees(before, before, { algorithm: 'both' })).same).toBe(true)
  expect(told(await diffTrees(before, after, { algorithm: 'sha256' }))).toEqual(['changed log'])
  expect((await diffTrees(before, after, { ignore: ['log'] })).same).toBe(true)
  // @ts-expect-error a mistyped option
  await expect(diffTrees(before, after, { ignored: ['log'] })).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_ARGUMENT',
  })
})

test('two files, a mix, and nothing', async () => {
  const folder = folderOf({ a: 'a', b: 'bb' })
  const [a, b] = [join(folder, 'a'), join(folder, 'b')]
  expect(await diffTrees(a, b)).toMatchObject({
    kind: 'file',
    same: false,
    counts: { changed: 1 },
    after: { bytes: 2 },
  })
  expect((await diffTrees(a, a)).changes).toEqual([])
  await expect(diffTrees(folder, a)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_ARGUMENT' })
  await expect(diffTrees(folder, join(folder, 'no'))).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_NOT_FOUND',
  })
})

test.skipIf(process.platform !== 'linux')('names that look the same as text are not mixed up', async () => {
  const [before, after] = [folderOf(), folderOf()]
  const name = (folder: string, byte: number): Buffer =>
    Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([byte])])
  writeFileSync(name(before, 0xfe), 'x')
  writeFileSync(name(after, 0xff), 'y')
  expect((await diffTrees(before, after)).counts).toEqual({ added: 1, removed: 1, changed: 0, renamed: 0 })
})

test('of several candidates the one that keeps its last name is taken, and each once', () => {
  const rules = { content: () => 'equal', lastName: (path: string) => path.split('/').at(-1) ?? '' }
  const { pairs, onlyBefore, onlyAfter } = matchRenames(['x/1', 'x/2', 'x/3'], ['y/2', 'y/1'], rules)
  expect(pairs).toEqual([
    ['x/1', 'y/1'],
    ['x/2', 'y/2'],
  ])
  expect([onlyBefore, onlyAfter]).toEqual([['x/3'], []])
})

test('a warning about a folder is a sentence', async () => {
  const files = { 'm.bin': 'w', '.cache/huggingface/download/m.bin.metadata': '1' }
  const [before, after] = [folderOf(files), folderOf(files)]
  const { same, warnings } = await diffTrees(before, after)
  expect(same).toBe(true)
  expect(warnings).toEqual(
    [before, after].map(
      (root) => `${root}: .cache/huggingface: the state of a Hugging Face download was skipped`,
    ),
  )
})
