import { statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { hashFile } from '../../src/hash/file.ts'
import { hashTree } from '../../src/hash/tree.ts'
import { folderOf } from '../support/folder.ts'

test('a folder that has not changed is not read again, and one changed file is', async () => {
  const root = folderOf({ 'data/a': 'one', 'data/b/c': 'two' })
  const options = { cache: join(root, 'cache') }
  // Files must be older than two seconds before what is said of them can be trusted.
  await setTimeout(2300)
  const first = await hashTree(join(root, 'data'), options)
  expect(first.cache).toEqual({ hits: 0, misses: 2, stored: 2 })
  const second = await hashTree(join(root, 'data'), options)
  expect(second.cache).toEqual({ hits: 2, misses: 0, stored: 0 })
  expect(second.digest).toEqual(first.digest)
  // The same size and the old time of change: what a cache keyed by both calls unchanged.
  const path = join(root, 'data/a')
  const { atime, mtime } = statSync(path)
  writeFileSync(path, 'ONE')
  utimesSync(path, atime, mtime)
  const third = await hashTree(join(root, 'data'), options)
  expect(third.cache).toEqual({ hits: 1, misses: 1, stored: 0 })
  expect(third.digest).toEqual((await hashTree(join(root, 'data'))).digest)
})

test('a new file is hashed and not kept', async () => {
  const root = folderOf({ file: 'x' })
  const cache = join(root, 'cache')
  expect((await hashFile(join(root, 'file'), { cache })).digest).toEqual(
    (await hashFile(join(root, 'file'))).digest,
  )
})
