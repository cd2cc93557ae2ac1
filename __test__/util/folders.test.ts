import { statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeFolders } from '../../src/util/folders.ts'
import { folderOf } from '../support/folder.ts'

test('makes what is missing and says where that begins', async () => {
  const root = folderOf({})
  expect(await makeFolders(join(root, 'a', 'b', 'c'))).toBe(join(root, 'a'))
  expect(statSync(join(root, 'a', 'b', 'c')).isDirectory()).toBe(true)
  expect(await makeFolders(join(root, 'a', 'b', 'c'))).toBeUndefined()
  expect(await makeFolders(join(root, 'a', 'b', 'd'))).toBe(join(root, 'a', 'b', 'd'))
})

test('many at once make the same folders', async () => {
  const path = join(folderOf({}), 'a', 'b', 'c')
  await Promise.all(Array.from({ length: 20 }, () => makeFolders(path)))
  expect(statSync(path).isDirectory()).toBe(true)
})

test('a file in the way is the error of the system', async () => {
  const root = folderOf({})
  writeFileSync(join(root, 'file'), '')
  await expect(makeFolders(join(root, 'file', 'a'))).rejects.toMatchObject({
    code: 'EEXIST',
    path: join(root, 'file'),
  })
})
