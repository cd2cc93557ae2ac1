import { createHash } from 'node:crypto'
import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { hashFile } from '../../../src/hash/file.ts'
import {
  PART_SIZE,
  contentOfDigests,
  listPath,
  objectsFolder,
  piecePath,
  piecesOf,
} from '../../../src/store/objects/layout.ts'
import { checkObject, writeObject } from '../../../src/store/objects/read.ts'
import { keepObject } from '../../../src/store/objects/write.ts'
import { storeIn } from '../../../src/store/store.ts'
import { folderOf, paint } from '../../support/folder.ts'
import type { KeptObject } from '../../../src/store/objects/write.ts'
import type { ObjectContent } from '../../../src/store/objects/layout.ts'

const BLAKE3 = { algorithm: 'blake3' } as const

/** Files below a folder, with their paths. */
function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1))
    .toSorted()
}

const content = ({ digests, size }: KeptObject): ObjectContent => contentOfDigests(digests, size)

test('a file is kept once, by content, read-only, and is no link to the file', async () => {
  const root = folderOf({ a: 'same', b: 'same', empty: '' })
  const store = storeIn(root)
  const [a, b] = [
    await keepObject(store, join(root, 'a'), BLAKE3),
    await keepObject(store, join(root, 'b'), BLAKE3),
  ]
  expect(a.digests.blake3?.hex).toBe(b.digests.blake3?.hex)
  const hex = a.digests.blake3?.hex ?? ''
  expect(filesBelow(objectsFolder(store))).toEqual([`blake3/${hex.slice(0, 2)}/${hex.slice(2)}`])
  const info = statSync(piecePath(store, content(a)))
  expect([info.mode & 0o777, info.nlink]).toEqual([0o400, 1])
  expect(info.ino).not.toBe(statSync(join(root, 'a')).ino)
  appendFileSync(join(root, 'a'), 'more')
  expect(await checkObject(store, content(a))).toBe('same')
  const empty = await keepObject(store, join(root, 'empty'), { algorithm: 'sha256' })
  expect(empty.digests.sha256?.hex).toBe(createHash('sha256').digest('hex'))
  expect(await checkObject(store, content(empty))).toBe('same')
})

test('a store of a group keeps objects that the group may read', async () => {
  const root = folderOf({ a: 'x' })
  const store = storeIn(root)
  mkdirSync(store.root, { mode: 0o770 })
  chmodSync(store.root, 0o770)
  const kept = await keepObject(store, join(root, 'a'), BLAKE3)
  expect(statSync(piecePath(store, content(kept))).mode & 0o777).toBe(0o440)
})

test('a file above 64 MiB is kept in parts, and a changed one shares the others', async () => {
  const bytes = Buffer.from(paint(2 * PART_SIZE + 12_345))
  const root = folderOf({ a: bytes })
  const store = storeIn(root)
  const path = join(root, 'a')
  const expected = (await hashFile(path)).digest.hex
  const first = await keepObject(store, path, BLAKE3)
  expect([first.digests.blake3?.hex, first.size]).toEqual([expected, bytes.length])
  const parts = await piecesOf(store, content(first))
  // A slow, obvious description of the parts.
  const slow = await Promise.all(
    [0, 1, 2].map(async (at) => {
      const [start, end] = [at * PART_SIZE, Math.min((at + 1) * PART_SIZE, bytes.length)]
      return (await hashFile(path, { start, end })).digest.hex
    }),
  )
  expect(parts?.map(({ hex }) => hex)).toEqual(slow)
  expect(readFileSync(listPath(store, content(first)), 'utf8')).toBe(
    `lineaprint/parts/v1 ${bytes.length}\n${slow.join('\n')}\n`,
  )
  const before = filesBelow(objectsFolder(store))
  bytes[PART_SIZE + 7] = 0xff
  writeFileSync(path, bytes)
  const second = await keepObject(store, path, BLAKE3)
  // Another list and the one part that differs.
  expect(filesBelow(objectsFolder(store)).filter((file) => !before.includes(file))).toHaveLength(2)
  expect([await checkObject(store, content(first)), await checkObject(store, content(second))]).toEqual([
    'same',
    'same',
  ])
  const to = join(root, 'again')
  await writeObject(store, content(second), to, { mode: 0o644 })
  expect(readFileSync(to).equals(bytes)).toBe(true)
  expect(readdirSync(root).toSorted()).toEqual(['.lineaprint', 'a', 'again'])
})

test('a file that is expected and kept already is not read again', async () => {
  const root = folderOf({ a: 'x' })
  const store = storeIn(root)
  const kept = await keepObject(store, join(root, 'a'), BLAKE3)
  expect(await keepObject(store, join(root, 'gone'), { ...BLAKE3, expected: kept })).toEqual(kept)
})

test('a file that is not the expected content is refused, and nothing is left', async () => {
  const root = folderOf({ a: 'x', b: 'y' })
  const store = storeIn(root)
  const { size, digests } = await hashFile(join(root, 'a'))
  await expect(
    keepObject(store, join(root, 'b'), { ...BLAKE3, expected: { size, digests } }),
  ).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_CHANGED', expected: digests.blake3?.toString() })
  expect(filesBelow(objectsFolder(store))).toEqual([])
})

test('a long file that changes while it is copied is refused', async () => {
  const root = folderOf({ a: paint(PART_SIZE + 10_000_000) })
  const store = storeIn(root)
  const path = join(root, 'a')
  const { size, digests } = await hashFile(path)
  const kept = keepObject(store, path, { ...BLAKE3, expected: { size, digests } })
  truncateSync(path, 1000)
  await expect(kept).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_CHANGED' })
  expect(filesBelow(objectsFolder(store)).filter((name) => name.endsWith('.parts'))).toEqual([])
  expect(filesBelow(objectsFolder(store)).filter((name) => name.endsWith('.tmp'))).toEqual([])
})

test('a long file that is written meanwhile is refused, also if its content is not known before', async () => {
  const root = folderOf({ a: paint(PART_SIZE + 10_000_000) })
  const store = storeIn(root)
  const path = join(root, 'a')
  const file = openSync(path, 'r+')
  let turn = 0
  const writer = setInterval(() => writeSync(file, `${turn++}`, 5_000_000), 1)
  try {
    await expect(keepObject(store, path, BLAKE3)).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_CHANGED',
      path,
    })
  } finally {
    clearInterval(writer)
    closeSync(file)
  }
  expect(turn).toBeGreaterThan(0)
  expect(filesBelow(objectsFolder(store)).filter((name) => /parts$|tmp$/.test(name))).toEqual([])
})

test.skipIf(process.platform === 'win32')(
  'a FIFO, a folder and a file that is gone are refused at once',
  async () => {
    const root = folderOf()
    const store = storeIn(root)
    execFileSync('mkfifo', [join(root, 'fifo')])
    mkdirSync(join(root, 'folder'))
    for (const name of ['fifo', 'folder', 'gone'])
      await expect(keepObject(store, join(root, name), BLAKE3), name).rejects.toMatchObject({
        code: 'ERR_LINEAPRINT_STORE',
      })
    expect(filesBelow(objectsFolder(store))).toEqual([])
  },
)

test.skipIf(process.platform === 'win32')('objects are not written through a link', async () => {
  const root = folderOf({ a: 'x', 'elsewhere/x': '' })
  const store = storeIn(root)
  mkdirSync(store.root)
  symlinkSync(join(root, 'elsewhere'), objectsFolder(store))
  await expect(keepObject(store, join(root, 'a'), BLAKE3)).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_STORE',
  })
  expect(readdirSync(join(root, 'elsewhere'))).toEqual(['x'])
})

test('an object that was cut short is written again', async () => {
  const root = folderOf({ a: 'content' })
  const store = storeIn(root)
  const kept = await keepObject(store, join(root, 'a'), BLAKE3)
  const path = piecePath(store, content(kept))
  chmodSync(path, 0o600)
  truncateSync(path, 3)
  expect(await checkObject(store, content(kept))).toBe('missing')
  await keepObject(store, join(root, 'a'), { ...BLAKE3, expected: kept })
  expect(await checkObject(store, content(kept))).toBe('same')
})

test('a damaged object is found, and never written anywhere', async () => {
  const root = folderOf({ a: 'content' })
  const store = storeIn(root)
  const kept = await keepObject(store, join(root, 'a'), BLAKE3)
  const path = piecePath(store, content(kept))
  chmodSync(path, 0o600)
  writeFileSync(path, 'cOntent')
  expect(await checkObject(store, content(kept))).toBe('damaged')
  const to = join(root, 'out')
  await expect(writeObject(store, content(kept), to, { mode: 0o644 })).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_CHANGED',
    path,
  })
  expect(existsSync(to)).toBe(false)
  expect(readdirSync(root).toSorted()).toEqual(['.lineaprint', 'a'])
})

test.each([
  ['another head', (text: string) => text.replace('v1', 'v2')],
  ['another length', (text: string) => text.replace(/ \d+/, ' 1')],
  ['one part less', (text: string) => text.replace(/[^\n]+\n$/, '')],
  ['one part more', (text: string) => `${text}${'0'.repeat(64)}\n`],
  ['no last line end', (text: string) => text.slice(0, -1)],
  ['a path', (text: string) => text.replace(/[0-9a-f]{64}/, '../'.repeat(21) + 'x')],
  ['nothing', () => ''],
])('a list of parts with %s makes the object missing', async (_, forge) => {
  const root = folderOf({ a: paint(PART_SIZE + 1) })
  const store = storeIn(root)
  const kept = await keepObject(store, join(root, 'a'), BLAKE3)
  const path = listPath(store, content(kept))
  const text = readFileSync(path, 'utf8')
  chmodSync(path, 0o600)
  writeFileSync(path, forge(text))
  expect(await checkObject(store, content(kept))).toBe('missing')
})

test('a list of parts in another order is damage', async () => {
  const bytes = Buffer.concat([Buffer.alloc(PART_SIZE, 1), Buffer.alloc(PART_SIZE, 2)])
  const root = folderOf({ a: bytes })
  const store = storeIn(root)
  const kept = await keepObject(store, join(root, 'a'), BLAKE3)
  const path = listPath(store, content(kept))
  const [head = '', first = '', second = ''] = readFileSync(path, 'utf8').split('\n')
  chmodSync(path, 0o600)
  writeFileSync(path, `${head}\n${second}\n${first}\n`)
  expect(await checkObject(store, content(kept))).toBe('damaged')
})

test('an existing file is not replaced, unless it is to be', async () => {
  const root = folderOf({ a: 'new', b: 'old' })
  const store = storeIn(root)
  const kept = content(await keepObject(store, join(root, 'a'), BLAKE3))
  const to = join(root, 'b')
  await expect(writeObject(store, kept, to, { mode: 0o644 })).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_STORE',
  })
  expect(readFileSync(to, 'utf8')).toBe('old')
  await writeObject(store, kept, to, { mode: 0o755, replace: true })
  expect([readFileSync(to, 'utf8'), statSync(to).mode & 0o700]).toEqual(['new', 0o700])
  expect(readdirSync(root).toSorted()).toEqual(['.lineaprint', 'a', 'b'])
})
