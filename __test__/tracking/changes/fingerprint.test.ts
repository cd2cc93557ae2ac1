import { mkdirSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { fingerprint } from '../../../src/tracking/changes/fingerprint.ts'
import { folderOf } from '../../support/folder.ts'

async function textOf(path: string): Promise<string> {
  const found = await fingerprint(path)
  if (found?.status !== 'present') throw new Error(`${path} has no fingerprint`)
  return found.text
}

test('reading changes nothing; writing, replacing, adding and removing do, whatever the times say', async () => {
  const root = folderOf({ 'a/b': '1', 'a/c': '2', d: '3' })
  const before = await textOf(root)
  expect(before).toMatch(/^[0-9a-f]{64}$/)
  readFileSync(join(root, 'a/b'))
  expect(await textOf(root)).toBe(before)
  const seen = new Set([before])
  for (const change of [
    () => writeFileSync(join(root, 'a/b'), 'longer'),
    () => utimesSync(join(root, 'a/b'), new Date(0), new Date(0)),
    () => writeFileSync(join(root, 'a/new'), ''),
    () => rmSync(join(root, 'a/new')),
    () => rmSync(join(root, 'd')),
  ]) {
    const last = await textOf(root)
    change()
    const now = await textOf(root)
    expect(now).not.toBe(last)
    seen.add(now)
  }
  expect(seen.size).toBeGreaterThan(4)
})

test('a file by itself, and nothing', async () => {
  const root = folderOf({ a: '1' })
  const before = await textOf(join(root, 'a'))
  writeFileSync(join(root, 'a'), 'longer')
  expect(await textOf(join(root, 'a'))).not.toBe(before)
  expect(await fingerprint(join(root, 'missing'))).toEqual({ status: 'absent' })
  expect(await fingerprint(join(root, 'a/below'))).toEqual({ status: 'absent' })
})

test('links are followed, and one that leads back up ends', async () => {
  const root = folderOf({ 'a/b': '1', 'elsewhere/x': '1' })
  symlinkSync('..', join(root, 'a/up'))
  symlinkSync(join(root, 'elsewhere'), join(root, 'a/other'))
  symlinkSync('nowhere', join(root, 'a/dangling'))
  symlinkSync('self', join(root, 'a/self'))
  const before = await textOf(join(root, 'a'))
  writeFileSync(join(root, 'elsewhere/x'), 'longer')
  expect(await textOf(join(root, 'a'))).not.toBe(before)
})

test('the folders of git and of lineaprint are no data', async () => {
  const root = folderOf({ a: '1', '.git/HEAD': 'x' })
  const before = await textOf(root)
  writeFileSync(join(root, '.git/HEAD'), 'y')
  mkdirSync(join(root, '.lineaprint'))
  writeFileSync(join(root, '.lineaprint/x'), 'y')
  expect(await textOf(root)).toBe(before)
})

test('a folder that two links lead to counts once for each, as in a digest', async () => {
  const root = folderOf({ 'store/x': '1', 'data/y': '1' })
  for (const name of ['train', 'valid']) symlinkSync('../store', join(root, 'data', name))
  const both = await textOf(join(root, 'data'))
  rmSync(join(root, 'data/valid'))
  const single = await textOf(join(root, 'data'))
  expect(single).not.toBe(both)
  symlinkSync('../store', join(root, 'data/test'))
  expect(await textOf(join(root, 'data'))).not.toBe(both)
  // A folder and a link to it.
  const inside = folderOf({ 'a/x': '1' })
  symlinkSync('a', join(inside, 'b'))
  const linked = await textOf(inside)
  rmSync(join(inside, 'b'))
  expect(await textOf(inside)).not.toBe(linked)
})

test('links that multiply folders end without a fingerprint', { timeout: 60_000 }, async () => {
  const root = folderOf({ '0/x': '' })
  for (let level = 1; level <= 40; level++) {
    mkdirSync(join(root, String(level)))
    for (const name of ['a', 'b']) symlinkSync(`../${level - 1}`, join(root, String(level), name))
  }
  expect(await fingerprint(join(root, '40'))).toBeUndefined()
})
