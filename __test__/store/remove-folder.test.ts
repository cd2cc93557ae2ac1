import { existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { removeRunFolder, sweepRemoved } from '../../src/store/remove-folder.ts'
import { folderOf } from '../support/folder.ts'

test.skipIf(process.platform === 'win32')('links in a run and in its place are not followed', async () => {
  const root = folderOf({ 'precious/file': 'x', 'runs/a/run.json': '{}' })
  symlinkSync(join(root, 'precious'), join(root, 'runs/a/link'))
  symlinkSync(join(root, 'precious'), join(root, 'runs/b'))
  await removeRunFolder(join(root, 'runs/a'))
  await expect(removeRunFolder(join(root, 'runs/b'))).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_STORE' })
  expect(readdirSync(join(root, 'runs'))).toEqual(['b'])
  expect(readFileSync(join(root, 'precious/file'), 'utf8')).toBe('x')
})

test('a run that is not there is an error', async () => {
  const root = folderOf({ 'runs/a/run.json': '{}' })
  await expect(removeRunFolder(join(root, 'runs/none'))).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_STORE',
  })
})

test('what an interrupted removal left is swept, and nothing else', async () => {
  const root = folderOf({
    'runs/.removed-0123456789abcdef-a/run.json': '{}',
    'runs/.removed-0123456789abcdef-b': 'a file',
    'runs/.removed-mine/x': '',
    'runs/c/run.json': '{}',
  })
  mkdirSync(join(root, 'runs/.new-0-x'))
  expect(await sweepRemoved(join(root, 'runs'))).toBe(1)
  expect(readdirSync(join(root, 'runs')).toSorted()).toEqual([
    '.new-0-x',
    '.removed-0123456789abcdef-b',
    '.removed-mine',
    'c',
  ])
  expect(await sweepRemoved(join(root, 'none'))).toBe(0)
  expect(existsSync(join(root, 'none'))).toBe(false)
})
