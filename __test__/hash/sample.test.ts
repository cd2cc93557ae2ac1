import { closeSync, openSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readDataset } from '../../src/dataset/read.ts'
import { LineaprintError } from '../../src/core/errors.ts'
import { hashArray } from '../../src/hash/array.ts'
import { hashFile, hashFiles } from '../../src/hash/file.ts'
import { hashTree } from '../../src/hash/tree.ts'
import { readModel } from '../../src/model/read.ts'
import { folderOf, paint } from '../support/folder.ts'
import { floats, safetensors } from '../support/safetensors.ts'

const BLOCK = 16_384

test('nothing is sampled unless it is asked for, and a sample never compares with a full digest', async () => {
  const path = join(folderOf({ file: paint(40 * BLOCK) }), 'file')
  const full = await hashFile(path)
  expect(full).not.toHaveProperty('sample')
  const sampled = await hashFile(path, { sample: { count: 5 } })
  expect(sampled.digest.type).toBe('sampled(file,strided,count=5,unit=bytes/16384).v1.blake3')
  expect(sampled.sample).toMatchObject({
    units: 40,
    read: 5,
    share: 0.125,
    bytesRead: 5 * BLOCK,
    bytesTotal: 40 * BLOCK,
  })
  const others = [{ count: 6 }, { share: '1/8' }, { count: 5, strategy: 'blocks' }] as const
  for (const other of [full, ...(await Promise.all(others.map((sample) => hashFile(path, { sample }))))]) {
    expect(() => sampled.digest.equals(other.digest)).toThrow(
      expect.objectContaining({ code: 'ERR_LINEAPRINT_INCOMPARABLE' }),
    )
  }
})

test('a change of the first, the last or a chosen block is seen, one between them is not', async () => {
  const path = join(folderOf({}), 'file')
  const bytes = paint(9 * BLOCK)
  const digestOf = async (change?: number): Promise<string> => {
    const changed = Uint8Array.from(bytes, (byte, at) => (at === change ? byte ^ 1 : byte))
    writeFileSync(path, changed)
    return (await hashFile(path, { sample: { count: 3 } })).digest.toString()
  }
  // The blocks 0, 4 and 8.
  const before = await digestOf()
  for (const at of [0, BLOCK - 1, 4 * BLOCK, 5 * BLOCK - 1, 8 * BLOCK, 9 * BLOCK - 1])
    expect(await digestOf(at), String(at)).not.toBe(before)
  for (const at of [BLOCK, 4 * BLOCK - 1, 5 * BLOCK, 8 * BLOCK - 1])
    expect(await digestOf(at), String(at)).toBe(before)
})

test('up to the threshold everything is read, and the digest is the ordinary one', async () => {
  const folder = folderOf({ small: paint(3 * BLOCK), large: paint(4 * BLOCK) })
  const paths = ['small', 'large', 'none'].map((name) => join(folder, name))
  const outcomes = await hashFiles(paths, { sample: { count: 2, above: 3 } })
  const [small, large, none] = outcomes.map((outcome) =>
    outcome instanceof LineaprintError ? outcome.code : outcome.digest.type,
  )
  expect({ small, large, none }).toEqual({
    small: 'blake3',
    large: 'sampled(file,strided,count=2,unit=bytes/16384).v1.blake3',
    none: 'ERR_LINEAPRINT_NOT_FOUND',
  })
  const full = await hashFile(paths[0] ?? '')
  const read = await hashFile(paths[0] ?? '', { sample: { count: 2, above: 3 } })
  expect(read.digest.equals(full.digest)).toBe(true)
  expect(read.sample).toMatchObject({ units: 3, read: 3, share: 1 })
  expect(read.sample?.missProbability(1)).toBe(0)
})

test('a folder lists everything and reads what is chosen', async () => {
  const root = folderOf({ a: '1', 'b/c': '22', d: '333', e: '4444', f: '55555' })
  const tree = await hashTree(root, { sample: { count: 3 }, list: true })
  expect(tree).toMatchObject({ files: 5, bytes: 15, folders: 2 })
  expect(tree.digest.type).toBe('sampled(tree,strided,count=3,unit=file).v1.blake3')
  expect(tree.sample).toMatchObject({ unit: 'file', units: 5, read: 3, bytesRead: 9, bytesTotal: 15 })
  const read = tree.entries?.map(({ path, digests }) => [path, digests.blake3 !== undefined])
  expect(read).toEqual([
    ['a', true],
    ['b/c', false],
    ['d', true],
    ['e', false],
    ['f', true],
  ])
  const { digest, sample } = await readDataset(root, { sample: { count: 3 } })
  expect(digest.equals(tree.digest)).toBe(true)
  expect(sample).toEqual(tree.sample)
  writeFileSync(join(root, 'e'), 'else')
  expect((await hashTree(root, { sample: { count: 3 } })).digest.equals(digest)).toBe(true)
  writeFileSync(join(root, 'e'), 'longer')
  expect((await hashTree(root, { sample: { count: 3 } })).digest.equals(digest)).toBe(false)
})

test('an array: dtype and shape count, and so does each chosen element', async () => {
  const data = new Float32Array(3_000_000)
  const of = async (shape: readonly number[]): Promise<string> =>
    (await hashArray({ data, shape }, { sample: { share: '1/2' } })).digest.toString()
  const before = await of([3_000_000])
  expect(await of([3000, 1000])).not.toBe(before)
  data[2_999_999] = 1
  expect(await of([3_000_000])).not.toBe(before)
  data[2_999_999] = 0
  // Every other element: 0, 2 (rounded down) and so on.
  data[1] = 1
  expect(await of([3_000_000])).toBe(before)
  const small = await hashArray(data.subarray(0, 2), { sample: { count: 2 } })
  expect(small).toMatchObject({ digest: { kind: 'tensor' }, sample: { units: 2, read: 2 } })
  expect(small.digest).toEqual((await hashArray(data.subarray(0, 2))).digest)
  expect((await hashArray(data, { sample: { count: 2 } })).data).toEqual({})
})

test('progress and cancelling of a long array', async () => {
  const data = new Float64Array(1_000_000)
  const seen: number[] = []
  await hashArray(data, { sample: { share: 0.9 }, onProgress: ({ bytesDone }) => seen.push(bytesDone) })
  expect(seen.length).toBeGreaterThan(5)
  expect(seen.at(-1)).toBe(7_200_000)
  const reason = new Error('enough')
  const controller = new AbortController()
  const onProgress = (): void => controller.abort(reason)
  const running = hashArray(data, { sample: { share: 0.9 }, signal: controller.signal, onProgress })
  await expect(running).rejects.toBe(reason)
})

test('an array that is transferred meanwhile is an error', async () => {
  const data = new Float64Array(1_000_000)
  const running = hashArray(data, { sample: { share: 0.9 } })
  structuredClone(data.buffer, { transfer: [data.buffer] })
  await expect(running).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_CHANGED' })
})

test('a model: each tensor by itself, ties only of what was read whole', async () => {
  const large = floats(Array.from({ length: 100 }, (_, index) => index))
  const path = join(
    folderOf({
      'm.safetensors': safetensors({ a: large, b: large, c: floats([1, 2]), d: floats([1, 2]) }),
    }),
    'm.safetensors',
  )
  const full = await readModel(path)
  const model = await readModel(path, { sample: { share: '1/10' } })
  expect(model.weights.type).toBe('sampled(weights,strided,share=1/10,unit=element).v1.blake3')
  expect(model.architecture.equals(full.architecture)).toBe(true)
  expect(model.tensors.map(({ digest }) => digest.type)).toEqual([
    'sampled(tensor,strided,share=1/10,unit=element).v1.blake3',
    'sampled(tensor,strided,share=1/10,unit=element).v1.blake3',
    'blake3',
    'blake3',
  ])
  expect(model.tensors[0]?.digest).toEqual(
    (
      await hashArray(
        Float32Array.from({ length: 100 }, (_, index) => index),
        { sample: { share: '1/10' } },
      )
    ).digest,
  )
  expect(model.ties).toEqual([['c', 'd']])
  expect(model.sample).toMatchObject({ units: 204, read: 24, bytesRead: 96, bytesTotal: 816 })
  const whole = await readModel(path, { sample: { share: '1/10', above: 100 } })
  expect(whole.weights.equals(full.weights)).toBe(true)
  const above = await readModel(path, { sample: { share: '1/10', above: 99 } })
  expect(() => above.weights.equals(model.weights)).toThrow(
    expect.objectContaining({ code: 'ERR_LINEAPRINT_INCOMPARABLE' }),
  )
})

test('a sparse file of 100 GB at 1 in 1,000 ends (the time is printed and held to nothing)', async () => {
  const path = join(folderOf({}), 'sparse')
  closeSync(openSync(path, 'w'))
  truncateSync(path, 100_000_000_000)
  for (const strategy of ['strided', 'random', 'blocks'] as const) {
    const started = performance.now()
    const { sample } = await hashFile(path, { sample: { strategy, share: '1/1000' } })
    console.log(
      `${strategy}: ${sample?.read} of ${sample?.units} blocks in ${performance.now() - started} ms`,
    )
    expect(sample?.share).toBeCloseTo(0.001, 5)
  }
})
