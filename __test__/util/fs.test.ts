import { mkdirSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { writeAtomic } from '../../src/util/fs.ts'
import { folderOf } from '../support/folder.ts'

test('a file is replaced as a whole', async () => {
  const root = folderOf({ file: 'old' })
  await writeAtomic(join(root, 'file'), 'new')
  expect(readFileSync(join(root, 'file'), 'utf8')).toBe('new')
  expect(readdirSync(root)).toEqual(['file'])
})

test('a failure leaves the old state and no temporary file', async () => {
  const root = folderOf({ file: 'in the way' })
  mkdirSync(join(root, 'folder'))
  for (const path of [join(root, 'file', 'below'), join(root, 'nowhere', 'file'), join(root, 'folder')]) {
    await expect(writeAtomic(path, 'new')).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_STORE', path })
  }
  expect(readdirSync(root).toSorted()).toEqual(['file', 'folder'])
  expect(readFileSync(join(root, 'file'), 'utf8')).toBe('in the way')
})

test('readers see the old content or the new one, never a part', async () => {
  const path = join(folderOf({ file: 'a'.repeat(100_000) }), 'file')
  const writing = { done: false }
  const writer = (async () => {
    for (let round = 0; round < 30; round++) await writeAtomic(path, 'ab'[round % 2]!.repeat(100_000))
    writing.done = true
  })()
  while (!writing.done) {
    const content = readFileSync(path, 'utf8')
    expect(content.length).toBe(100_000)
    expect(new Set(content).size).toBe(1)
    await new Promise(setImmediate)
  }
  await writer
})
