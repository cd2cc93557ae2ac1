import { createHash } from 'node:crypto'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readModel } from '../../src/model/read.ts'
import { writeSafetensors } from '../../src/model/safetensors.ts'
import { folderOf } from '../support/folder.ts'
import type { ModelTensors } from '../../src/model/model-tensors.ts'

const MEBIBYTE = 1 << 20

/** Bytes that differ from place to place, so that a wrong cut is seen. */
function noise(length: number, seed = 'a'): Uint8Array {
  return new Uint8Array(createHash('shake256', { outputLength: length }).update(seed).digest())
}

const TENSORS: ModelTensors = {
  'layer.weight': { data: Float32Array.of(1, -0, NaN, 4, 5, 6), shape: [2, 3] },
  'layer.bias': { data: Float32Array.of(1, 2), shape: [2] },
  scale: { data: Uint16Array.of(0x3f80, 0xc000), shape: [2], dtype: 'BF16' },
  mask: { data: Uint8Array.of(1, 0, 1), shape: [3], dtype: 'BOOL' },
  count: { data: BigInt64Array.of(-7n), shape: [] },
  none: { data: new Int8Array(0), shape: [0, 3] },
  packed: { data: Uint8Array.of(7, 8, 9), shape: [2, 3], dtype: 'F4' },
}

test.each(['blake3', 'sha256', 'both'] as const)(
  'the digests are those of the file: %s',
  async (algorithm) => {
    const path = join(folderOf(), 'model.safetensors')
    const tensors: ModelTensors = {
      ...TENSORS,
      // Longer than a block, and not a multiple of what the hash is cut into.
      large: { data: noise(9 * MEBIBYTE + 77), shape: [9 * MEBIBYTE + 77] },
      larger: {
        data: new Uint16Array(noise(13 * MEBIBYTE).buffer),
        shape: [(13 * MEBIBYTE) / 2],
        dtype: 'F16',
      },
      one: { data: noise(4 * MEBIBYTE, 'b'), shape: [4 * MEBIBYTE] },
    }
    const written = await writeSafetensors(path, tensors, {
      algorithm,
      files: true,
      metadata: { format: 'pt' },
    })
    const read = await readModel(path, { algorithm, files: true })
    expect(written.digests.weights).toEqual(read.digests.weights)
    expect(written.digests.file).toEqual(read.files[0]?.digests)
    expect(written.tensors).toEqual(read.tensors)
    expect([written.path, written.size]).toEqual([path, read.files[0]?.size])
  },
)

test('tensors are sorted by dtype and name, and the header is padded', async () => {
  const path = join(folderOf(), 'model.safetensors')
  await writeSafetensors(path, TENSORS, { metadata: { b: '\u2028"', a: 'é' } })
  const bytes = readFileSync(path)
  const length = Number(bytes.readBigUInt64LE())
  const text = bytes.subarray(8, 8 + length).toString()
  expect(length % 8).toBe(0)
  expect(text.trimEnd()).toBe(
    '{"__metadata__":{"a":"é","b":"\u2028\\""},' +
      '"count":{"dtype":"I64","shape":[],"data_offsets":[0,8]},' +
      '"layer.bias":{"dtype":"F32","shape":[2],"data_offsets":[8,16]},' +
      '"layer.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[16,40]},' +
      '"scale":{"dtype":"BF16","shape":[2],"data_offsets":[40,44]},' +
      '"none":{"dtype":"I8","shape":[0,3],"data_offsets":[44,44]},' +
      '"packed":{"dtype":"F4","shape":[2,3],"data_offsets":[44,47]},' +
      '"mask":{"dtype":"BOOL","shape":[3],"data_offsets":[47,50]}}',
  )
})

test('names that look like numbers stay in their order', async () => {
  const path = join(folderOf(), 'model.safetensors')
  const one = { data: Uint8Array.of(1), shape: [1] }
  await writeSafetensors(path, { '10': one, '9': one, b: one }, { metadata: { '10': 'x', '9': 'y' } })
  expect(readFileSync(path).toString('latin1')).toMatch(/"10":"x","9":"y".*"10":.*"9":.*"b":/s)
})

test('a file without tensors is one', async () => {
  const path = join(folderOf(), 'model.safetensors')
  const written = await writeSafetensors(path, {}, { files: true })
  const read = await readModel(path, { files: true })
  expect(String(written.weights)).toBe(String(read.weights))
  expect(written.digests.file).toEqual(read.files[0]?.digests)
})

test('what cannot be written leaves the old file and nothing else', async () => {
  const root = folderOf()
  const path = join(root, 'model.safetensors')
  writeFileSync(path, 'old')
  const data = noise(20 * MEBIBYTE)
  const tensors: ModelTensors = { a: { data, shape: [data.length] } }
  const abort = new AbortController()
  const aborted = writeSafetensors(path, tensors, {
    signal: abort.signal,
    onProgress: () => abort.abort('enough'),
  })
  await expect(aborted).rejects.toBe('enough')
  const failing = writeSafetensors(path, tensors, {
    onProgress: () => {
      throw new Error('of the caller')
    },
  })
  await expect(failing).rejects.toThrow('of the caller')
  const transferred = writeSafetensors(path, tensors)
  structuredClone(data.buffer, { transfer: [data.buffer as ArrayBuffer] })
  await expect(transferred).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_CHANGED' })
  await expect(writeSafetensors(root, TENSORS)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_STORE' })
  await expect(writeSafetensors(join(path, 'x'), {})).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_STORE' })
  expect(readdirSync(root)).toEqual(['model.safetensors'])
  expect(readFileSync(path, 'utf8')).toBe('old')
})

test.each([
  ['the reserved name', { __metadata__: { data: Uint8Array.of(1), shape: [1] } }, {}],
  ['a name that is not Unicode', { '\ud800': { data: Uint8Array.of(1), shape: [1] } }, {}],
  ['another number of elements', { a: { data: Uint8Array.of(1), shape: [2] } }, {}],
  ['metadata that is no text', {}, { metadata: { a: 1 as unknown as string } }],
  ['metadata that is not Unicode', {}, { metadata: { a: '\ud800' } }],
  ['an unknown option', {}, { meta: {} }],
])('refused before anything is written: %s', async (_, tensors: ModelTensors, options: object) => {
  const root = folderOf()
  await expect(writeSafetensors(join(root, 'm.safetensors'), tensors, options)).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_ARGUMENT',
  })
  expect(readdirSync(root)).toEqual([])
})
