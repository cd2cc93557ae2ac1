import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { diffModels } from '../../../src/model/diff/diff.ts'
import { folderOf, paint } from '../../support/folder.ts'
import { floats, safetensors } from '../../support/safetensors.ts'
import { rounds } from '../../support/random.ts'
import type { ModelDiff, ModelDiffOptions, ValueComparison } from '../../../src/model/diff/diff.ts'
import type { TensorToWrite } from '../../support/safetensors.ts'

type Tensors = Readonly<Record<string, TensorToWrite>>

async function compare(before: Tensors, after: Tensors, options?: ModelDiffOptions): Promise<ModelDiff> {
  const folder = folderOf({ 'a.safetensors': safetensors(before), 'b.safetensors': safetensors(after) })
  return diffBoth(join(folder, 'a.safetensors'), join(folder, 'b.safetensors'), options)
}

/** Compare models; their values without digests and with them, which must find the same. */
async function diffBoth(a: string, b: string, options?: ModelDiffOptions): Promise<ModelDiff> {
  const diff = await diffModels(a, b, options)
  if (options?.values !== true) return diff
  const slow = await diffModels(a, b, { ...options, digests: true })
  expect(slow.digests).toBe(true)
  expect(withoutDigests(diff)).toEqual(withoutDigests(slow))
  return diff
}

/** Return a comparison without what only digests of elements give. */
function withoutDigests(diff: ModelDiff): unknown {
  const text = JSON.stringify(diff, (key, value: unknown) =>
    key === 'digest' || key === 'digests' || key === 'weights' ? undefined : value,
  )
  return JSON.parse(text)
}

async function valuesOf(before: TensorToWrite, after: TensorToWrite): Promise<ValueComparison | undefined> {
  const diff = await compare({ w: before }, { w: after }, { values: true })
  return diff.tensors[0]?.values
}

const tensor = (dtype: string, data: ArrayBufferView, shape?: number[]): TensorToWrite => {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  return { dtype, data: bytes, shape: shape ?? [('length' in data ? data.length : 0) as number] }
}

test('tensors that are added, removed, renamed, and changed in dtype, shape or data', async () => {
  const diff = await compare(
    {
      gone: floats([9]),
      'old.w.weight': floats([1, 2]),
      a: floats([1, 2]),
      b: floats([1, 2, 3, 4]),
      c: floats([7]),
      d: floats([5]),
    },
    {
      fresh: floats([8, 8]),
      'new.w.weight': floats([1, 2]),
      a: tensor('F16', Uint16Array.of(0x3c00, 0x4000)),
      b: floats([1, 2, 3, 4], [2, 2]),
      c: floats([6]),
      d: floats([5]),
    },
  )
  expect(diff.tensors.map(({ status, name, from, differs }) => ({ status, name, from, differs }))).toEqual([
    { status: 'changed', name: 'a', from: undefined, differs: ['dtype', 'data'] },
    { status: 'changed', name: 'b', from: undefined, differs: ['shape'] },
    { status: 'changed', name: 'c', from: undefined, differs: ['data'] },
    { status: 'added', name: 'fresh', from: undefined, differs: undefined },
    { status: 'removed', name: 'gone', from: undefined, differs: undefined },
    { status: 'renamed', name: 'new.w.weight', from: 'old.w.weight', differs: undefined },
  ])
  expect(diff).toMatchObject({
    same: false,
    sameArchitecture: false,
    sameWeights: false,
    sameTokenizer: undefined,
  })
})

test('a weight that became NaN is changed; NaN on both sides is not', async () => {
  expect(await valuesOf(floats([NaN, 1, 2, 3]), floats([NaN, NaN, 2, 3.5]))).toEqual({
    status: 'compared',
    elements: 4,
    changed: 2,
    share: 0.5,
    maxAbsolute: 0.5,
    maxRelative: expect.closeTo(0.5 / 3.5, 6),
    // The elements that are finite on both sides are 2 and 3, then 2 and 3.5.
    l2: 0.5,
    norm: { before: Math.sqrt(13), after: Math.sqrt(16.25) },
    cosine: expect.closeTo(14.5 / Math.sqrt(13 * 16.25), 12),
    nan: { before: 1, after: 2 },
    infinite: { before: 0, after: 0 },
  })
  expect(await valuesOf(floats([1]), floats([NaN]))).toMatchObject({ changed: 1, maxAbsolute: null })
  expect(await valuesOf(floats([Infinity, 1]), floats([-Infinity, Infinity]))).toMatchObject({
    changed: 2,
    maxAbsolute: Infinity,
    infinite: { before: 1, after: 2 },
  })
  expect(await valuesOf(floats([0]), floats([-0]))).toMatchObject({ changed: 0, maxAbsolute: 0 })
})

test('BF16, F16, F64, FP8 and integers are compared as numbers', async () => {
  const bf16 = (...codes: number[]): TensorToWrite => tensor('BF16', Uint16Array.from(codes))
  // 1, -2, the smallest subnormal, NaN.
  expect(await valuesOf(bf16(0x3f80, 0xc000, 1, 0x7fc0), bf16(0x3fc0, 0xc000, 0, 0x7f80))).toMatchObject({
    changed: 3,
    maxAbsolute: 0.5,
    nan: { before: 1, after: 0 },
    infinite: { before: 0, after: 1 },
  })
  const f16 = (...codes: number[]): TensorToWrite => tensor('F16', Uint16Array.from(codes))
  expect(await valuesOf(f16(0x7bff, 1), f16(0x0000, 1))).toMatchObject({ changed: 1, maxAbsolute: 65504 })
  expect(
    await valuesOf(tensor('F64', Float64Array.of(1)), tensor('F64', Float64Array.of(1 + 2 ** -52))),
  ).toMatchObject({ maxAbsolute: 2 ** -52 })
  const e4m3 = (...codes: number[]): TensorToWrite => tensor('F8_E4M3', Uint8Array.from(codes))
  expect(await valuesOf(e4m3(0x7e, 0x7f), e4m3(0, 0))).toMatchObject({ maxAbsolute: 448, nan: { before: 1 } })
  expect(await valuesOf(tensor('I8', Int8Array.of(-128)), tensor('I8', Int8Array.of(127)))).toMatchObject({
    maxAbsolute: 255,
  })
  // A double holds both as the same number.
  const big = [
    tensor('I64', BigInt64Array.of(2n ** 53n)),
    tensor('I64', BigInt64Array.of(2n ** 53n + 1n)),
  ] as const
  expect(await valuesOf(...big)).toMatchObject({ changed: 1, maxAbsolute: 1 })
})

test('another dtype with the same values; what cannot be compared is said', async () => {
  expect(await valuesOf(floats([1, 2]), tensor('BF16', Uint16Array.of(0x3f80, 0x4000)))).toMatchObject({
    changed: 0,
  })
  expect(await valuesOf(tensor('I64', BigInt64Array.of(1n)), floats([1]))).toMatchObject({
    status: 'not-compared',
  })
  expect(await valuesOf(floats([1, 2], [1, 2]), floats([1, 3], [2, 1]))).toEqual({
    status: 'not-compared',
    reason: 'the shapes differ',
  })
  const complex = [
    tensor('C64', Float32Array.of(1, 2), [1]),
    tensor('C64', Float32Array.of(1, 3), [1]),
  ] as const
  expect(await valuesOf(...complex)).toMatchObject({ status: 'compared', changed: 1, maxAbsolute: 1, l2: 1 })
})

test('without digests only what has other bytes differs, and no digest is shown', async () => {
  const nan = (payload: number): TensorToWrite => tensor('F32', Uint32Array.of(0x7fc00000 | payload, 1))
  const before = {
    nan: nan(1),
    zero: floats([0]),
    none: floats([], [0, 2]),
    scalar: floats([1], []),
    equal: floats([1, 2]),
    bits: tensor('F16', Uint16Array.of(1, 2)),
    flag: tensor('U8', Uint8Array.of(1)),
  }
  const after = {
    ...before,
    nan: nan(2),
    zero: floats([-0]),
    none: floats([], [2, 0]),
    scalar: floats([1], [1]),
    bits: tensor('BF16', Uint16Array.of(1, 2)),
  }
  const diff = await compare(before, after, { values: true })
  expect(diff).toMatchObject({ digests: false, same: false, sameWeights: false })
  expect(diff.tensors.map(({ name, differs }) => [name, differs])).toEqual([
    ['bits', ['dtype']],
    ['nan', ['data']],
    ['none', ['shape']],
    ['scalar', ['shape']],
    ['zero', ['data']],
  ])
  expect(JSON.stringify(diff)).not.toMatch(/"(?:digest|weights)"/)
  expect(await compare(before, before, { values: true })).toMatchObject({ digests: false, same: true })
  // Of BOOL elements every byte is checked, which is a read of all.
  const flags = { flags: tensor('BOOL', Uint8Array.of(2)) }
  expect(await compare(flags, flags, { values: true })).toMatchObject({
    digests: true,
    warnings: [expect.stringContaining('BOOL'), expect.stringContaining('BOOL')] as string[],
  })
})

test('a tensor longer than a block, and a signal', async () => {
  const before = new Float32Array(300_001).fill(1)
  const after = before.slice()
  for (const index of [0, 131_071, 131_072, 300_000]) after[index] = 1.25
  const pair = [{ w: tensor('F32', before) }, { w: tensor('F32', after) }] as const
  const diff = await compare(...pair, { values: true, algorithm: 'sha256' })
  expect(diff.tensors[0]?.values).toMatchObject({ elements: 300_001, changed: 4, maxAbsolute: 0.25 })
  await expect(compare(...pair, { signal: AbortSignal.abort(new Error('stop')) })).rejects.toThrow('stop')
})

test('configuration by key, tokenizer, and sharding that does not count', async () => {
  const weights = { 'model.safetensors': safetensors({ w: floats([1]), v: floats([2]) }) }
  const a = folderOf({
    ...weights,
    'config.json': '{"n":1,"dtype":"f","a.b":1,"layers":[{"k":1},{"k":2}],"gone":[1,2]}',
    'tokenizer.json': '{"v":1}',
  })
  const b = folderOf({
    'x1.safetensors': safetensors({ w: floats([1]) }),
    'x2.safetensors': safetensors({ v: floats([2]) }),
    'x.safetensors.index.json': '{"weight_map":{"w":"x1.safetensors","v":"x2.safetensors"}}',
    'config.json': '{"n":2,"dtype":"g","a":{"b":1},"layers":[{"k":1},{"k":3}]}',
    'tokenizer.json': '{"v":2}',
  })
  const diff = await diffModels(a, b)
  expect(await diffBoth(a, b, { values: true })).toMatchObject({ digests: false, sameTokenizer: false })
  expect(diff).toMatchObject({
    same: false,
    sameArchitecture: false,
    sameWeights: true,
    sameTokenizer: false,
    tensors: [],
  })
  expect(diff.config).toEqual([
    { key: 'a', after: '{"b":1}' },
    { key: '["a.b"]', before: '1' },
    { key: 'gone', before: '[1,2]' },
    { key: 'layers.1.k', before: '2', after: '3' },
    { key: 'n', before: '1', after: '2' },
  ])
  expect((await diffModels(a, join(a, 'model.safetensors'))).sameWeights).toBe(true)
})

test('of random models exactly the tensor that changed, and the one that was renamed, is named', async () => {
  const names = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,4}(\.[a-z0-9]{1,3}){0,2}$/), {
    minLength: 2,
    maxLength: 6,
  })
  const dtypes = fc.constantFrom(['F32', 4], ['BF16', 2], ['U8', 1], ['I64', 8]) as fc.Arbitrary<
    [string, number]
  >
  const arbitrary = fc.record({
    names,
    dtype: dtypes,
    length: fc.integer({ min: 1, max: 40 }),
    pick: fc.nat(),
    bit: fc.nat(),
  })
  await fc.assert(
    fc.asyncProperty(arbitrary, async ({ names: all, dtype: [dtype, width], length, pick, bit }) => {
      // Each has other bytes, so that a rename can be told.
      const model = Object.fromEntries(
        all.map((name, index) => [
          name,
          { dtype, shape: [length], data: paint(length * width).map((x) => x ^ (index + 1)) },
        ]),
      )
      const name = all[pick % all.length] ?? ''
      const chosen = model[name]
      if (chosen === undefined) throw new Error('a tensor')
      const data = chosen.data.slice()
      const at = bit % (data.length * 8)
      data[at >> 3] = (data[at >> 3] ?? 0) ^ (1 << (at & 7))
      const changed = await compare(model, { ...model, [name]: { ...chosen, data } }, { values: true })
      expect(changed.tensors.map((found) => [found.status, found.name])).toEqual([['changed', name]])
      expect(changed.tensors[0]?.values?.status).toBe('compared')
      const { [name]: _, ...others } = model
      const renamed = await compare(model, { ...others, 'Z.new': chosen }, { values: true })
      expect(renamed.digests).toBe(false)
      expect(renamed.tensors.map((found) => [found.status, found.name, found.from])).toEqual([
        ['renamed', 'Z.new', name],
      ])
      expect((await compare(model, model)).same).toBe(true)
    }),
    { numRuns: rounds(20) },
  )
})
