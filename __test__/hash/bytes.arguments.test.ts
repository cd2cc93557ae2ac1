import { setTimeout } from 'node:timers/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readDataset } from '../../src/dataset/read.ts'
import { hashArray } from '../../src/hash/array.ts'
import { hashBytes } from '../../src/hash/bytes.ts'
import { hashFile, hashFiles } from '../../src/hash/file.ts'
import { hashStream } from '../../src/hash/stream.ts'
import { diffTrees } from '../../src/hash/tree-diff.ts'
import { hashTree } from '../../src/hash/tree.ts'
import { diffModels } from '../../src/model/diff/diff.ts'
import { readModel } from '../../src/model/read.ts'
import { folderOf } from '../support/folder.ts'

const REFUSED = { code: 'ERR_LINEAPRINT_ARGUMENT' }

/** A value as the type `never`, which every function takes. */
function anything(value: unknown): never {
  return value as never
}

function describe(value: unknown): string {
  return `${Object.prototype.toString.call(value)} ${JSON.stringify(value)}`
}

test('lists of paths that are no arrays are refused, and holes, too', async () => {
  for (const paths of ['x', new Set(['x']), null, undefined, 3, { 0: 'x', length: 1 }])
    await expect(hashFiles(anything(paths)), describe(paths)).rejects.toMatchObject(REFUSED)
  await expect(hashFiles(anything(Array.from({ length: 2 })))).rejects.toMatchObject(REFUSED)
})

test('options of null or of another type are refused by every function', async () => {
  const folder = folderOf({ f: 'x' })
  const file = join(folder, 'f')
  for (const options of [null, 3, 'x', []].map((value) => anything(value))) {
    const calls = [
      () => hashFile(file, options),
      () => hashFiles([file], options),
      () => hashBytes(new Uint8Array(1), options),
      () => hashStream([], options),
      () => hashArray(new Uint8Array(1), options),
      () => hashTree(folder, options),
      () => diffTrees(folder, folder, options),
      () => readModel(folder, options),
      () => diffModels(folder, folder, options),
      () => readDataset(file, options),
    ]
    for (const call of calls)
      await expect(call(), `${call.toString()} ${describe(options)}`).rejects.toMatchObject(REFUSED)
  }
  const wrong = [{ signal: {} }, { signal: null }, { onProgress: 3 }]
  for (const options of wrong) await expect(hashFile(file, anything(options))).rejects.toMatchObject(REFUSED)
})

test('values that are no bytes, arrays or streams are refused', async () => {
  for (const value of [null, undefined, 3, {}, []]) {
    await expect(hashBytes(anything(value))).rejects.toMatchObject(REFUSED)
    await expect(hashArray(anything(value))).rejects.toMatchObject(REFUSED)
  }
  await expect(hashArray(anything({ data: new Uint8Array(2), shape: 2 }))).rejects.toMatchObject(REFUSED)
  for (const value of [null, undefined, 3, {}])
    await expect(hashStream(anything(value))).rejects.toMatchObject(REFUSED)
})

test('detached buffers and views out of their buffer are refused', async () => {
  const detached = new Uint8Array(8)
  structuredClone(detached.buffer, { transfer: [detached.buffer] })
  const resizable = new ArrayBuffer(8, { maxByteLength: 16 })
  const outside = new Uint8Array(resizable, 4, 4)
  const dataView = new DataView(resizable, 4, 4)
  resizable.resize(2)
  for (const bytes of [detached, detached.buffer, dataView]) {
    await expect(hashBytes(bytes)).rejects.toMatchObject(REFUSED)
  }
  await expect(hashArray(detached)).rejects.toMatchObject(REFUSED)
  await expect(hashBytes(outside)).rejects.toMatchObject(REFUSED)
})

test('properties defined on a view do not change what is hashed', async () => {
  const bytes = Uint8Array.of(1, 2, 3, 4)
  const odd = Uint8Array.of(1, 2, 3, 4)
  for (const name of ['byteLength', 'byteOffset', 'length', 'buffer'])
    Object.defineProperty(odd, name, { value: name === 'buffer' ? new ArrayBuffer(1) : 1 })
  expect(await hashBytes(odd)).toEqual(await hashBytes(bytes))
  expect((await hashArray(odd)).digest.equals((await hashArray(bytes)).digest)).toBe(true)
})

test('a buffer that is shrunk and grown back has the digest of its first content', async () => {
  const length = 40 << 20
  const resizable = new ArrayBuffer(length, { maxByteLength: length })
  new Uint8Array(resizable).fill(7)
  const expected = await hashBytes(new Uint8Array(length).fill(7))
  const hashing = hashBytes(resizable)
  resizable.resize(0)
  resizable.resize(length)
  expect(await hashing).toEqual(expected)
})

test('an async onProgress that rejects ends the call and not the process', async () => {
  const rejections: unknown[] = []
  const onRejection = (reason: unknown): void => void rejections.push(reason)
  process.on('unhandledRejection', onRejection)
  try {
    const onProgress = anything(async () => {
      throw new Error('mine')
    })
    const file = join(folderOf({ f: new Uint8Array(1 << 20) }), 'f')
    await expect(hashFile(file, { onProgress })).rejects.toThrow('mine')
    await expect(hashBytes(new Uint8Array(20 << 20), { onProgress })).rejects.toThrow('mine')
    async function* slow(): AsyncGenerator<Uint8Array> {
      for (let piece = 0; piece < 3; piece++) {
        await setTimeout(110)
        yield new Uint8Array(10)
      }
    }
    await expect(hashStream(slow(), { onProgress })).rejects.toThrow('mine')
    await setTimeout(10)
    expect(rejections).toEqual([])
  } finally {
    process.off('unhandledRejection', onRejection)
  }
})
