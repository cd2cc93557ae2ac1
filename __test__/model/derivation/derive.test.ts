import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { diffModels } from '../../../src/model/diff/diff.ts'
import { deriveModel } from '../../../src/model/derivation/derive.ts'
import { folderOf } from '../../support/folder.ts'
import { floats, safetensors } from '../../support/safetensors.ts'
import { vector } from './support.ts'
import type { ModelDerivation } from '../../../src/model/derivation/derive.ts'

const derive = (
  a: string,
  b: string,
  options?: Parameters<typeof deriveModel>[2],
): Promise<ModelDerivation> => deriveModel(vector(a), vector(b), options)

/** Conversions by other tools: from, to, the verdicts of their tensors. The table stands in docs/derivation.md. */
const CONVERSIONS: readonly (readonly [from: string, to: string, counts: ModelDerivation['counts']])[] = [
  ['llama', 'sharded', { sharded: 21 }],
  ['sharded', 'llama', { merged: 21 }],
  ['llama', 'llama.pt', { identical: 21 }],
  ['llama.pt', 'llama', { identical: 21 }],
  ['llama', 'f32.safetensors', { cast: 21 }],
  ['f32.safetensors', 'llama', { cast: 21 }],
  ['f32.safetensors', 'f16.safetensors', { cast: 21 }],
  ['f32.safetensors', 'f32.npz', { identical: 21 }],
  ['f32.npz', 'f32.onnx', { identical: 21 }],
  ['f32.onnx', 'llama.pt', { cast: 21 }],
  ['llama', 'fused.safetensors', { fused: 4, identical: 11 }],
  ['fused.safetensors', 'llama', { split: 10, identical: 11 }],
  ['llama', 'megatron.safetensors', { fused: 4, renamed: 11 }],
  ['megatron.safetensors', 'llama', { split: 10, renamed: 11 }],
  ['llama', 'llama-bf16.gguf', { cast: 5, permuted: 4, renamed: 12 }],
  ['llama-bf16.gguf', 'llama', { cast: 5, permuted: 4, renamed: 12 }],
  ['llama', 'llama-f16.gguf', { cast: 21 }],
  ['llama', 'llama-q8_0.gguf', { cast: 5, quantised: 16 }],
  ['gemma', 'gemma-f32.gguf', { cast: 15, offset: 5 }],
  ['gemma-f32.gguf', 'gemma', { cast: 15, offset: 5 }],
  ['llama', 'quants-q4_0.gguf', { cast: 5, quantised: 16 }],
  ['llama', 'quants-q4_1.gguf', { cast: 5, quantised: 16 }],
  ['llama', 'quants-q5_0.gguf', { cast: 5, quantised: 16 }],
  ['llama', 'quants-q5_1.gguf', { cast: 5, quantised: 16 }],
  ['llama', 'quants-q8_0.gguf', { cast: 5, quantised: 16 }],
  ['llama', 'quants-mxfp4.gguf', { cast: 5, quantised: 16 }],
]

/** Formats whose tensors are compared byte by byte where the names lead to all of them. */
const PLAIN = /^(?:llama|sharded|gemma)$|\.(?:safetensors|gguf)$/

test.each(CONVERSIONS)('%s to %s', async (from, to, counts) => {
  const { counts: found, tensors, unused, digests } = await derive(from, to)
  expect(digests).toBe(![from, to].every((name) => PLAIN.test(name)))
  const findings = tensors.flatMap((tensor) => tensor.findings.map((words) => `${tensor.name}: ${words}`))
  expect({ counts: found, findings, unused }).toEqual({ counts, findings: [], unused: [] })
})

/** Return a derivation without what only digests give. */
function withoutDigests(derivation: ModelDerivation): unknown {
  const text = JSON.stringify(derivation, (key, value: unknown) =>
    key === 'digest' || key === 'digests' || key === 'weights' ? undefined : value,
  )
  return JSON.parse(text)
}

test.each(CONVERSIONS)('%s to %s by bytes is what the digests say', async (from, to) => {
  const [fast, slow] = [await derive(from, to), await derive(from, to, { digests: true })]
  expect(slow.digests).toBe(true)
  expect(withoutDigests(fast)).toEqual(withoutDigests(slow))
})

test('what has no digest says so, and what the names leave open has them', async () => {
  const cwd = folderOf({
    'a.safetensors': safetensors({ w: floats([1, 2]), v: floats([3, 4]), none: floats([], [0, 2]) }),
    'same.safetensors': safetensors({ w: floats([1, 2]), v: floats([3, 4]), none: floats([], [0, 2]) }),
    'prefixed.safetensors': safetensors({
      'x.w': floats([1, 2]),
      'x.v': floats([3, 4]),
      none: floats([], [0, 2]),
    }),
    'swapped.safetensors': safetensors({ w: floats([3, 4]), v: floats([1, 2]), none: floats([], [0, 2]) }),
    'equal.safetensors': safetensors({ w: floats([1, 2]), v: floats([1, 2]), none: floats([], [0, 2]) }),
    'equal-prefixed.safetensors': safetensors({ 'x.w': floats([1, 2]), 'x.v': floats([1, 2]) }),
    'signed.safetensors': safetensors({ w: floats([1, 2]), v: floats([3, -4]), none: floats([], [0, 2]) }),
  })
  const path = (name: string): string => join(cwd, `${name}.safetensors`)
  const same = await deriveModel(path('a'), path('same'))
  expect(same).toMatchObject({ explained: true, digests: false, counts: { identical: 3 } })
  expect(JSON.stringify(same)).not.toMatch(/"(?:digest|weights)"/)
  const prefixed = await deriveModel(path('a'), path('prefixed'))
  expect(prefixed).toMatchObject({ explained: true, digests: false, counts: { identical: 1, renamed: 2 } })
  // Two tensors with the same bytes: the prefix does not say which of them it was.
  const equal = await deriveModel(path('equal'), path('equal-prefixed'))
  expect(equal.digests).toBe(true)
  expect(equal.tensors[0]).toMatchObject({ verdict: 'renamed', alternatives: ['w'] })
  for (const name of ['swapped', 'signed', 'equal']) {
    const found = await deriveModel(path('a'), path(name))
    expect(found).toMatchObject({ explained: false, digests: true })
    expect(withoutDigests(found)).toEqual(
      withoutDigests(await deriveModel(path('a'), path(name), { digests: true })),
    )
  }
})

test('a shard that is missing is an error, with digests and without', async () => {
  const map = '{"weight_map":{"w":"x1.safetensors","v":"x2.safetensors"}}'
  const cwd = folderOf({
    'whole.safetensors': safetensors({ w: floats([1]), v: floats([2]) }),
    'part/x1.safetensors': safetensors({ w: floats([1]) }),
    'part/x.safetensors.index.json': map,
    'fewer/x1.safetensors': safetensors({ w: floats([1]) }),
    'fewer/x2.safetensors': safetensors({ other: floats([2]) }),
    'fewer/x.safetensors.index.json': map,
  })
  for (const folder of ['part', 'fewer'])
    for (const digests of [false, true]) {
      const options = { values: true, digests }
      const [whole, other] = [join(cwd, 'whole.safetensors'), join(cwd, folder)]
      await expect(deriveModel(whole, other, { digests })).rejects.toThrow(/x2\.safetensors|v/)
      await expect(diffModels(other, whole, options)).rejects.toThrow(/x2\.safetensors|v/)
    }
})

test('a merge is the base and the adapter within the rounding of the type', async () => {
  for (const merged of ['merged-f32.safetensors', 'merged-bf16.safetensors']) {
    const found = await derive('llama', merged, { with: vector('adapter') })
    expect(found).toMatchObject({ explained: true, counts: { 'low-rank': 4 }, warnings: [] })
    const tensor = found.tensors.find(({ verdict }) => verdict === 'low-rank')
    expect(tensor?.bound).toMatch(/^every element within its rounding of (?:F32|BF16); /)
  }
})

test('without the adapter the rank of the difference is found', async () => {
  const { counts, tensors } = await derive('llama', 'merged-f32.safetensors')
  expect(counts).toMatchObject({ changed: 4 })
  const changed = tensors.find(({ verdict }) => verdict === 'changed')
  expect(changed?.findings.join('\n')).toContain('the difference has the numerical rank 4 ')
})

test('eight bits with scales are within half a step', async () => {
  const { tensors } = await derive('llama', 'fp8.safetensors')
  const name = 'model.layers.0.mlp.up_proj.weight'
  expect(tensors.find((tensor) => tensor.name === name)).toMatchObject({
    verdict: 'quantised',
    sources: [{ name }],
    bound: expect.stringContaining('half a step') as string,
  })
  expect(tensors.find((tensor) => tensor.name === `${name}_scale`)).toMatchObject({ verdict: 'quantised' })
})

test('names that no map knows are found by what they hold', async () => {
  const cwd = folderOf({
    'a.safetensors': safetensors({
      kernel: floats([1, 2, 3, 4, 5, 6], [2, 3]),
      bias: floats([7, 8]),
      ones: floats([1, 1]),
      more: floats([1, 1]),
    }),
    'b.safetensors': safetensors({
      'onnx::MatMul_1': floats([1, 4, 2, 5, 3, 6], [3, 2]),
      b: floats([7, 8]),
      scale: floats([1, 1]),
    }),
  })
  const { tensors, unused } = await deriveModel(join(cwd, 'a.safetensors'), join(cwd, 'b.safetensors'))
  expect(tensors).toMatchObject([
    { name: 'b', verdict: 'renamed', sources: [{ name: 'bias' }] },
    { name: 'onnx::MatMul_1', verdict: 'transposed', sources: [{ name: 'kernel' }] },
    // Equal constants do not say which of them it was.
    { name: 'scale', verdict: 'renamed', alternatives: [expect.stringMatching(/ones|more/) as string] },
  ])
  expect(unused).toHaveLength(1)
})

test('a map of the user gives names and a transpose', async () => {
  const map = {
    version: 1,
    maps: [{ name: 'mine', from: 'x', to: 'y', rules: [{ to: 'k{i}', from: ['w.{i}'], transpose: true }] }],
  }
  const cwd = folderOf({
    'a.safetensors': safetensors({ 'w.3': floats([1, 2, 3, 4], [2, 2]) }),
    'b.safetensors': safetensors({ k3: floats([1, 3, 2, 4], [2, 2]) }),
    'map.json': JSON.stringify(map),
  })
  const [a, b] = [join(cwd, 'a.safetensors'), join(cwd, 'b.safetensors')]
  expect((await deriveModel(a, b, { map: join(cwd, 'map.json') })).tensors).toMatchObject([
    { verdict: 'transposed', map: 'mine', sources: [{ name: 'w.3' }] },
  ])
})

test('a copy of a model follows from it, and a file that disappears is an error', async () => {
  const copy = join(folderOf(), 'llama')
  cpSync(vector('llama'), copy, { recursive: true })
  await expect(deriveModel(vector('llama'), copy)).resolves.toMatchObject({ explained: true, unused: [] })
  await expect(deriveModel(vector('llama'), join(copy, 'none.safetensors'))).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_NOT_FOUND',
  })
})
