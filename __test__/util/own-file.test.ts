import { execFileSync, spawn } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  lchownSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  folderProblem,
  openOwnFile,
  openRegular,
  readGiven,
  readRegular,
  stateOfName,
} from '../../src/util/own-file.ts'
import { folderOf } from '../support/folder.ts'

const IS_ROOT = process.geteuid?.() === 0

/** Something else than a file of this user, and whether it leads to a file of worth. */
const FOREIGN: Readonly<Record<string, (path: string, worth: string) => void>> = {
  link: (path, worth) => symlinkSync(worth, path),
  'dangling link': (path) => symlinkSync('/nothing/there', path),
  'second name': (path, worth) => linkSync(worth, path),
  fifo: (path) => execFileSync('mkfifo', [path]),
  'file that a group can write to': (path) => {
    writeFileSync(path, 'x')
    chmodSync(path, 0o620)
  },
}

test.each(Object.entries(FOREIGN))('a %s is not read, not written and not waited for', async (_, put) => {
  const root = folderOf({ worth: 'of worth' })
  const [path, worth] = [join(root, 'file'), join(root, 'worth')]
  put(path, worth)
  expect(stateOfName(path)).toBe('foreign')
  expect(await openOwnFile(path, 'read')).toBeUndefined()
  expect(existsSync(path)).toBe(false)
  put(path, worth)
  {
    await using file = await openOwnFile(path, 'append')
    await file?.write('own')
  }
  expect(readFileSync(worth, 'utf8')).toBe('of worth')
  expect(readFileSync(path, 'utf8')).toBe('own')
  expect(lstatSync(path)).toMatchObject({ nlink: 1 })
  expect(lstatSync(path).mode & 0o777).toBe(0o600)
  expect(stateOfName(path)).toBe('own')
})

test('a missing file is made for appending only, and an own one is appended to', async () => {
  const path = join(folderOf(), 'file')
  expect(stateOfName(path)).toBe('missing')
  expect(await openOwnFile(path, 'read')).toBeUndefined()
  expect(existsSync(path)).toBe(false)
  for (const text of ['a', 'b']) {
    await using file = await openOwnFile(path, 'append')
    await file?.write(text)
  }
  await using file = await openOwnFile(path, 'read')
  expect(await file?.readFile('utf8')).toBe('ab')
})

test('a folder at the name stays, and is not opened', async () => {
  const path = join(folderOf(), 'file')
  mkdirSync(path)
  expect(await openOwnFile(path, 'read')).toBeUndefined()
  await expect(openOwnFile(path, 'append')).rejects.toMatchObject({ code: 'EISDIR' })
  expect(lstatSync(path).isDirectory()).toBe(true)
})

test.runIf(IS_ROOT)('a file and a link of another user are not used', async () => {
  const root = folderOf({ file: 'x' })
  const [path, link] = [join(root, 'file'), join(root, 'link')]
  lchownSync(path, 4711, 4711)
  expect(stateOfName(path)).toBe('others')
  expect(await openOwnFile(path, 'read')).toBeUndefined()
  symlinkSync(folderOf(), link)
  expect(folderProblem(link, 'shared')).toBeUndefined()
  lchownSync(link, 4711, 4711)
  expect(folderProblem(link, 'shared')).toBe('it is a link of another user')
})

test.each([
  [0o700, undefined, undefined],
  [0o755, undefined, undefined],
  [0o770, undefined, 'other users can write to the folder'],
  [0o777, 'all users can write to the folder', 'all users can write to the folder'],
  [0o1777, 'all users can write to the folder', 'all users can write to the folder'],
])('a folder of mode %o', (mode, shared, own) => {
  const folder = folderOf()
  chmodSync(folder, mode)
  expect([folderProblem(folder, 'shared'), folderProblem(folder, 'private')]).toEqual([shared, own])
})

test.runIf(IS_ROOT)('a folder of another user is accepted only if a group shares it', () => {
  const folder = folderOf()
  lchownSync(folder, 4711, 4711)
  expect(folderProblem(folder, 'shared')).toBe('the folder belongs to another user')
  chmodSync(folder, 0o2775)
  expect(folderProblem(folder, 'shared')).toBeUndefined()
  expect(folderProblem(folder, 'private')).toBe('other users can write to the folder')
})

test('a regular file is read, also through a link; a FIFO, a folder and a long file are not', async () => {
  const root = folderOf({ file: 'text' })
  const [link, fifo] = [join(root, 'link'), join(root, 'fifo')]
  symlinkSync('file', link)
  execFileSync('mkfifo', [fifo])
  expect((await readRegular(link, 4)).toString()).toBe('text')
  await expect(readRegular(link, 3)).rejects.toMatchObject({ code: 'EFBIG' })
  await expect(openRegular(fifo)).rejects.toMatchObject({ code: 'NOT_REGULAR' })
  await expect(openRegular(root)).rejects.toMatchObject({ code: 'NOT_REGULAR' })
  await expect(openRegular(join(root, 'nothing'))).rejects.toMatchObject({ code: 'ENOENT' })
})

test('a named FIFO is read if somebody writes to it, and refused if nobody does', async () => {
  const root = folderOf({ file: 'text' })
  const fifo = join(root, 'fifo')
  execFileSync('mkfifo', [fifo])
  const from = performance.now()
  await expect(readGiven(fifo)).rejects.toMatchObject({ code: 'NOT_REGULAR' })
  expect(performance.now() - from).toBeLessThan(20_000)
  spawn('sh', ['-c', `{ printf one; sleep 1; printf two; } > '${fifo}'`])
  expect((await readGiven(fifo)).toString()).toBe('onetwo')
  expect((await readGiven(join(root, 'file'))).toString()).toBe('text')
  await expect(readGiven('/dev/zero')).rejects.toMatchObject({ code: 'NOT_REGULAR' })
  await expect(readGiven(root)).rejects.toMatchObject({ code: 'EISDIR' })
})
