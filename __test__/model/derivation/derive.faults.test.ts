/** Faults planted into conversions. Each has to be named. */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { deriveModel } from '../../../src/model/derivation/derive.ts'
import { folderOf } from '../../support/folder.ts'
import { Copy, rowsInOrder, vector } from './support.ts'
import type { TensorDerivation } from '../../../src/model/derivation/derive.ts'

/** Compare, and return the faulty tensors; all others have to be explained. */
async function faults(
  from: string,
  to: string,
  options?: Parameters<typeof deriveModel>[2],
): Promise<readonly TensorDerivation[]> {
  const { explained, tensors } = await deriveModel(from, to, options)
  expect(explained).toBe(false)
  return tensors.filter(({ verdict }) => verdict === 'changed' || verdict === 'unexplained')
}

const words = (tensor: TensorDerivation | undefined): string => tensor?.findings.join('\n') ?? ''

test('two tensors changed places', async () => {
  const copy = await Copy.of('f16.safetensors')
  const names = ['model.layers.0.mlp.up_proj.weight', 'model.layers.1.mlp.up_proj.weight'] as const
  const [first, second] = [Buffer.from(copy.read(names[0])), Buffer.from(copy.read(names[1]))]
  copy.write(names[0], second)
  copy.write(names[1], first)
  const found = await faults(vector('f32.safetensors'), copy.path)
  expect(found.map(({ name, verdict }) => [name, verdict])).toEqual(names.map((name) => [name, 'changed']))
  expect(words(found[0])).toContain(`its elements are those of ${names[1]}`)
  expect(words(found[1])).toContain(`its elements are those of ${names[0]}`)
})

test('rows of a head that were not permuted', async () => {
  const copy = await Copy.of('llama-bf16.gguf')
  const name = 'blk.0.attn_q.weight'
  const plain = Copy.of('llama').then((source) => source.read('model.layers.0.self_attn.q_proj.weight'))
  copy.write(name, await plain)
  const found = await faults(vector('llama'), copy.path)
  expect(found).toMatchObject([{ name, verdict: 'changed', map: 'llama-to-gguf' }])
  expect(words(found[0])).toContain('its elements are those of model.layers.0.self_attn.q_proj.weight')
})

test('rows permuted as for another number of heads', async () => {
  const copy = await Copy.of('llama-bf16.gguf')
  const source = await Copy.of('llama')
  const name = 'blk.1.attn_k.weight'
  // As if its two heads of eight rows were one of sixteen.
  const rows = rowsInOrder(
    source.read('model.layers.1.self_attn.k_proj.weight'),
    16,
    (row) => (row % 2) * 8 + (row >> 1),
  )
  copy.write(name, rows)
  const found = await faults(vector('llama'), copy.path)
  expect(found).toMatchObject([{ name, verdict: 'changed' }])
  expect(words(found[0])).toMatch(
    /elements differ from what the rule gives \(the halves of the rows of each of 2 heads/,
  )
})

test('one element changed after quantising', async () => {
  const copy = await Copy.of('llama-q8_0.gguf')
  const name = 'blk.1.ffn_up.weight'
  copy.edit(name, (bytes) => bytes.writeUInt8(bytes.readUInt8(34 * 5 + 9) ^ 1, 34 * 5 + 9))
  const found = await faults(vector('llama'), copy.path)
  expect(found).toMatchObject([{ name, verdict: 'changed', different: { count: 1, of: 64, first: 160 } }])
  expect(words(found[0])).toContain('1 of 64 blocks differ')
})

test('one element cut off instead of rounded', async () => {
  const copy = await Copy.of('llama')
  const name = 'model.layers.0.mlp.gate_proj.weight'
  // The source is a little above the middle of two values of BF16, so that rounding goes up.
  const wide = await Copy.of('f32.safetensors')
  wide.edit(name, (bytes) => bytes.writeUInt32LE(bytes.readUInt32LE(4 * 17) | 0x9000, 4 * 17))
  const found = await faults(wide.path, copy.path)
  expect(found).toMatchObject([{ name, verdict: 'changed', different: { count: 1, of: 2048, first: 17 } }])
  expect(words(found[0])).toContain('cut off where it is to be rounded up')
})

test('a scale off by one unit in the last place', async () => {
  const copy = await Copy.of('quants-q4_0.gguf')
  const name = 'blk.0.ffn_down.weight'
  copy.edit(name, (bytes) => bytes.writeUInt16LE(bytes.readUInt16LE(18 * 3) + 1, 18 * 3))
  const found = await faults(vector('llama'), copy.path)
  expect(found).toMatchObject([{ name, verdict: 'changed', different: { count: 1, of: 64, first: 96 } }])
  expect(words(found[0])).toContain('in 1 blocks only the scale differs')
})

test('a norm offset by 1.0001', async () => {
  const copy = await Copy.of('gemma-f32.gguf')
  const name = 'output_norm.weight'
  copy.edit(name, (bytes) => {
    for (let at = 0; at < bytes.length; at += 4) bytes.writeFloatLE(bytes.readFloatLE(at) + 0.0001, at)
  })
  const found = await faults(vector('gemma'), copy.path)
  expect(found).toMatchObject([{ name, verdict: 'changed', different: { count: 32, of: 32 } }])
  expect(words(found[0])).toContain('the difference is the constant 1.0001 within rounding')
})

test('queries and keys in the wrong order in a fused tensor', async () => {
  const copy = await Copy.of('fused.safetensors')
  const name = 'model.layers.0.self_attn.qkv_proj.weight'
  // 32 rows of queries and 16 of keys.
  copy.write(
    name,
    rowsInOrder(copy.read(name), 64, (row) => (row < 16 ? row + 32 : row < 48 ? row - 16 : row)),
  )
  const found = await faults(vector('llama'), copy.path)
  expect(found).toMatchObject([{ name, verdict: 'changed' }])
  const part = (letter: string): string => `model.layers.0.self_attn.${letter}_proj.weight`
  expect(words(found[0])).toContain(`its elements are those of ${part('k')} + ${part('q')} + ${part('v')}`)
})

test('a shard that is missing', async () => {
  const folder = folderOf()
  copyFileSync(vector('sharded/model-00001-of-00002.safetensors'), join(folder, 'model.safetensors'))
  const { explained, tensors, unused } = await deriveModel(vector('llama'), join(folder, 'model.safetensors'))
  expect(explained).toBe(false)
  expect(tensors.length + unused.length).toBe(21)
  expect(unused.map(({ name }) => name)).toContain('model.norm.weight')
})

test('an adapter with another scaling', async () => {
  const copy = await Copy.of('adapter')
  const path = join(copy.path, 'adapter_config.json')
  writeFileSync(path, readFileSync(path, 'utf8').replace('"lora_alpha": 8', '"lora_alpha": 16'))
  const found = await faults(vector('llama'), vector('merged-f32.safetensors'), { with: copy.path })
  expect(found).toHaveLength(4)
  for (const tensor of found) {
    expect(tensor.verdict).toBe('changed')
    expect(words(tensor)).toContain('the scaling that fits best is 2, stated is 4')
  }
})

test('a square matrix that was transposed', async () => {
  const copy = await Copy.of('f32.safetensors')
  const name = 'model.layers.1.self_attn.o_proj.weight'
  copy.edit(name, (bytes) => {
    const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))
    values.forEach((value, at) => bytes.writeFloatLE(value, 4 * ((at % 32) * 32 + Math.floor(at / 32))))
  })
  const found = await faults(vector('f32.safetensors'), copy.path)
  expect(found).toMatchObject([{ name, verdict: 'changed' }])
  expect(words(found[0])).toContain(`its elements are those of ${name} (its axes changed places)`)
})

test('one element of a copy', async () => {
  const copy = await Copy.of('f32.safetensors')
  const name = 'lm_head.weight'
  copy.edit(name, (bytes) => bytes.writeUInt8(bytes.readUInt8(400) ^ 1, 400))
  const found = await faults(vector('f32.safetensors'), copy.path)
  expect(found).toMatchObject([{ name, verdict: 'changed', different: { count: 1, of: 1024, first: 100 } }])
})
