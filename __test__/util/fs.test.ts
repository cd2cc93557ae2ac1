import {
  chmodSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { stat } from 'node:fs/promises'
import { getuid } from 'node:process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  errorCode,
  inputError,
  isFolder,
  isReadError,
  isReachable,
  makeFolders,
  pathExists,
  statInput,
  systemReason,
  writeAtomic,
} from '../../src/util/fs.ts'
import { LineaprintError } from '../../src/core/errors.ts'
import { folderOf } from '../support/folder.ts'

test('errors of the system and findings say why something was not read; bugs do not', async () => {
  const missing: unknown = await stat('/there/is/none').catch((error: unknown) => error)
  const findings = [missing, new LineaprintError('ERR_LINEAPRINT_FORMAT', 'x')]
  expect(findings.map(isReadError)).toEqual([true, true])
  const invalid = Object.assign(new TypeError('x'), { code: 'ERR_INVALID_ARG_TYPE' })
  const bugs = [new LineaprintError('ERR_LINEAPRINT_INTERNAL', 'x'), new RangeError('x'), invalid, undefined]
  expect(bugs.map(isReadError)).toEqual([false, false, false, false])
})

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
    expect(content === content.charAt(0).repeat(100_000)).toBe(true)
    await new Promise(setImmediate)
  }
  await writer
})

test('a path that exists, one that does not, and links', async () => {
  const root = folderOf({ 'folder/file': '' })
  symlinkSync('nowhere', join(root, 'dangling'))
  symlinkSync('folder', join(root, 'link'))
  for (const name of ['', 'folder', 'folder/file', 'link', 'link/file'])
    expect(await pathExists(join(root, name))).toBe(true)
  // ENOENT, ENOTDIR, and a link that leads nowhere.
  for (const name of ['none', 'folder/file/below', 'dangling'])
    expect(await pathExists(join(root, name))).toBe(false)
  expect(await pathExists(join(root, 'dangling'), 'keep')).toBe(true)
  expect(await pathExists(join(root, 'none'), 'keep')).toBe(false)
  expect([await isFolder(root), await isFolder('/'), await isFolder(join(root, 'link'))]).toEqual([
    true,
    true,
    true,
  ])
  expect([await isFolder(join(root, 'folder/file')), await isFolder(join(root, 'none'))]).toEqual([
    false,
    false,
  ])
})

test('where it cannot be told, an existing path is an error and a candidate is none', async () => {
  const root = folderOf({})
  symlinkSync('loop', join(root, 'loop'))
  await expect(pathExists(join(root, 'loop'))).rejects.toMatchObject({ code: 'ELOOP' })
  expect(await isReachable(join(root, 'loop'))).toBe(false)
  expect(await isReachable(root)).toBe(true)
  expect(await isReachable(join(root, 'none'))).toBe(false)
})

test.skipIf(getuid?.() === 0)('a folder that may not be searched', async () => {
  const root = folderOf({ 'closed/file': '' })
  chmodSync(join(root, 'closed'), 0)
  await expect(pathExists(join(root, 'closed/file'))).rejects.toMatchObject({ code: 'EACCES' })
  expect(await isReachable(join(root, 'closed/file'))).toBe(false)
  chmodSync(join(root, 'closed'), 0o755)
})

test('a path that the caller named', async () => {
  const root = folderOf({ file: 'abc' })
  expect((await statInput(join(root, 'file'))).size).toBe(3)
  for (const name of ['none', 'file/below'])
    await expect(statInput(join(root, name), name)).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_NOT_FOUND',
      path: name,
    })
  symlinkSync('loop', join(root, 'loop'))
  await expect(statInput(join(root, 'loop'))).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_UNREADABLE',
    message: expect.stringContaining('ELOOP') as string,
  })
  expect(inputError('x', 'read', new Error('no code')).message).toContain('cannot read it: no code')
})

test('codes of the system', () => {
  const error = Object.assign(new Error('text'), { code: 'EIO' })
  expect([errorCode(error), systemReason(error)]).toEqual(['EIO', 'EIO'])
  const others = [new Error('text'), 'EIO', { code: 'EIO' }, Object.assign(new Error('text'), { code: 5 })]
  expect(others.map(errorCode)).toEqual([undefined, undefined, undefined, undefined])
  expect(others.map(systemReason)).toEqual(['text', 'EIO', '[object Object]', 'text'])
})

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
