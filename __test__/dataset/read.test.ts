import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readDataset } from '../../src/dataset/read.ts'
import { folderOf } from '../support/folder.ts'

test('a file, a folder and an array', async () => {
  const root = folderOf({ 'train.csv': 'a,b\n1,2\n', 'deep/x': '1', 'deep/y/z': '2' })
  const file = await readDataset(join(root, 'train.csv'))
  expect(file).toMatchObject({ kind: 'file', path: join(root, 'train.csv'), bytes: 8, warnings: [] })
  expect(file.digest.type).toBe('blake3')
  const folder = await readDataset(join(root, 'deep'), { algorithm: 'sha256' })
  expect(folder).toMatchObject({ kind: 'folder', bytes: 2, files: 2, folders: 2 })
  expect(folder.digest.type).toBe('tree.v1.sha256')
  const array = await readDataset({ data: Float64Array.of(1, 2), shape: [1, 2] })
  expect(array).toMatchObject({ kind: 'array', dtype: 'F64', shape: [1, 2], bytes: 16 })
  expect(array.digest.type).toBe('tensor.v1.blake3')
})

test('an edited file never gets its old digest', async () => {
  const path = join(folderOf({ data: 'old' }), 'data')
  const before = await readDataset(path)
  writeFileSync(path, 'new')
  expect((await readDataset(path)).digest.equals(before.digest)).toBe(false)
})

test('a path that is not there is an error, and so is something that is no dataset', async () => {
  await expect(readDataset('/nowhere/at/all')).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_NOT_FOUND' })
  // @ts-expect-error a number is no dataset
  await expect(readDataset(42)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_ARGUMENT' })
  // @ts-expect-error nor is nothing
  await expect(readDataset(null)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_ARGUMENT' })
})

test('an empty array, one element and an empty file', async () => {
  expect(await readDataset(new Float64Array(0))).toMatchObject({ shape: [0], bytes: 0 })
  expect(await readDataset(Float64Array.of(1))).toMatchObject({ shape: [1], bytes: 8 })
  const empty = await readDataset(join(folderOf({ empty: '' }), 'empty'))
  expect(empty).toMatchObject({ kind: 'file', bytes: 0 })
})
