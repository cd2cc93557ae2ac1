import { symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { hashFile } from '../../src/hash/file.ts'
import { hashTree } from '../../src/hash/tree.ts'
import { folderOf } from '../support/folder.ts'

test('the same content has the same digest wherever it lies', async () => {
  const files = { 'a.txt': 'x', 'sub/b': 'y' }
  const [one, other] = [
    await hashTree(folderOf(files), { algorithm: 'both' }),
    await hashTree(folderOf(files), { algorithm: 'both' }),
  ]
  expect(one.digests).toEqual(other.digests)
  expect(one.digest.toString()).toMatch(/^tree\.v1\.blake3:[0-9a-f]{64}$/)
  expect(one).toMatchObject({ files: 2, folders: 2, bytes: 2, links: 0, warnings: [] })
  expect((await hashTree(folderOf({ ...files, 'sub/b': 'z' }))).digest.equals(one.digest)).toBe(false)
})

test('entries are listed by their raw bytes, with the digests of their files', async () => {
  const root = folderOf({ 'b/c': 'y', 'b-c': 'z' })
  symlinkSync('b-c', join(root, 'link'))
  writeFileSync(Buffer.concat([Buffer.from(`${root}/caf`), Buffer.from([0xe9])]), 'latin')
  const tree = await hashTree(root, { list: true, links: 'record', algorithm: 'both' })
  const paths = tree.entries?.map(({ path, type, size }) => [path, type, size])
  expect(paths).toEqual([
    ['b-c', 'file', 1],
    ['b/c', 'file', 1],
    ['caf\ufffd', 'file', 5],
    ['link', 'link', 0],
  ])
  expect([...(tree.entries?.[2]?.pathBytes ?? [])]).toEqual([0x63, 0x61, 0x66, 0xe9])
  expect(tree.entries?.[3]?.target).toBe('b-c')
  expect(tree.entries?.[1]?.digests).toEqual(
    (await hashFile(join(root, 'b/c'), { algorithm: 'both' })).digests,
  )
  expect(tree.warnings).toEqual([{ kind: 'name-not-unicode', path: 'caf\ufffd' }])
})

test('links and patterns are as asked', async () => {
  const root = folderOf({ keep: 'x', 'drop.log': 'y' })
  const kept = await hashTree(folderOf({ keep: 'x' }))
  expect((await hashTree(root, { ignore: ['*.log'] })).digest.equals(kept.digest)).toBe(true)
  symlinkSync('nowhere', join(root, 'dangling'))
  await expect(hashTree(root)).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_LINK',
    path: join(root, 'dangling'),
  })
  await expect(hashTree(root, { links: 'refuse' })).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_LINK' })
  // @ts-expect-error an unknown mode
  await expect(hashTree(root, { links: 'copy' })).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_ARGUMENT',
    field: 'links',
    expected: 'follow, record, refuse',
  })
})

test('name and content of a file are kept apart', async () => {
  const digestOf = async (files: Record<string, string>): Promise<string> =>
    String((await hashTree(folderOf(files))).digest)
  const digests = [await digestOf({ a: 'bc' }), await digestOf({ ab: 'c' }), await digestOf({ 'a/b': 'c' })]
  expect(new Set(digests).size).toBe(digests.length)
})
