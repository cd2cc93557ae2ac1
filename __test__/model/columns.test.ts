import { expect, test } from 'vitest'
import { TensorColumns } from '../../src/model/columns.ts'
import type { NativeModel, NativeShard } from '../../src/native/load.ts'

interface Given {
  readonly name: string
  readonly dtype?: string
  readonly shape?: readonly number[]
  /** The last byte of its digest, and the first one. */
  readonly digest: number
  readonly first?: number
  readonly start?: number
}

/** Return a shard of tensors of two bytes for each element. */
function shard(path: string, tensors: readonly Given[]): NativeShard {
  const shapes = tensors.map(({ shape = [2] }) => shape)
  const dtypeNames = [...new Set(tensors.map(({ dtype = 'F16' }) => dtype))]
  let end = 0
  return {
    path,
    size: 100,
    format: 'safetensors',
    siblings: [],
    names: tensors.map(({ name }) => name),
    dtypeNames,
    dtypes: Uint32Array.from(tensors, ({ dtype = 'F16' }) => dtypeNames.indexOf(dtype)),
    dimensions: Float64Array.from(shapes.flat()),
    shapeEnds: Uint32Array.from(shapes, (shape) => (end += shape.length)),
    sizes: Float64Array.from(shapes, (shape) => shape.reduce((product, length) => product * length, 2)),
    starts: Float64Array.from(tensors, ({ start = -1 }) => start),
    locations: Int32Array.from(tensors, () => -1),
    metadata: [],
    notRead: [],
    shared: [],
    remarks: [],
    tensors: {
      kind: 'hashed',
      digests: {
        blake3: Uint8Array.from(
          tensors.flatMap(({ digest, first = 0 }) => [first, ...Array.from({ length: 30 }, () => 0), digest]),
        ),
      },
      oddBooleans: [],
    },
  }
}

const columns = (...shards: NativeShard[]): TensorColumns =>
  new TensorColumns({ shards, architecture: {}, weights: { kind: 'listed' } } satisfies NativeModel)

test('tensors of several shards are in the order of their names, each with its own fields', () => {
  const all = columns(
    shard('/m/one', [
      { name: 'a', shape: [], digest: 1, start: 8 },
      { name: 'c', shape: [2, 3], dtype: 'BF16', digest: 2 },
    ]),
    shard('/m/two', [{ name: 'b', shape: [4], digest: 3, start: 0 }]),
  )
  expect(all.count).toBe(3)
  expect(all.toInfos().map(({ digest, ...info }) => ({ ...info, digest: digest.hex.slice(-2) }))).toEqual([
    { name: 'a', dtype: 'F16', shape: [], file: 'one', bytes: 2, start: 8, end: 10, digest: '01' },
    { name: 'b', dtype: 'F16', shape: [4], file: 'two', bytes: 8, start: 0, end: 8, digest: '03' },
    { name: 'c', dtype: 'BF16', shape: [2, 3], file: 'one', bytes: 12, digest: '02' },
  ])
  expect([...all.types()].map(({ name, bytes }) => [name, bytes])).toEqual([
    ['a', 2],
    ['b', 8],
    ['c', 12],
  ])
  expect(all.totals()).toEqual({
    parameters: 11,
    bytes: 22,
    dtypes: {
      F16: { tensors: 2, parameters: 5, bytes: 10 },
      BF16: { tensors: 1, parameters: 6, bytes: 12 },
    },
  })
})

test('ties have equal dtype, shape and all bytes of the digest', () => {
  const tied = columns(
    shard('/m/one', [
      { name: 'a', digest: 1 },
      { name: 'b', digest: 1 },
      { name: 'c', digest: 1, shape: [1, 2] },
      { name: 'd', digest: 1, dtype: 'BF16' },
      // The bytes that are compared first are equal, the last one is not.
      { name: 'e', digest: 2 },
      { name: 'f', digest: 1, first: 1 },
      { name: 'g', digest: 7, first: 9 },
      { name: 'h', digest: 9, shape: [0] },
      { name: 'i', digest: 9, shape: [0] },
    ]),
    shard('/m/two', [{ name: 'a2', digest: 7, first: 9 }]),
  )
  expect(tied.ties()).toEqual([
    ['a', 'b'],
    ['a2', 'g'],
  ])
})

test('a model without tensors has none', () => {
  expect(columns().toInfos()).toEqual([])
  expect(columns(shard('/m/one', [])).totals()).toEqual({ parameters: 0, bytes: 0, dtypes: {} })
})

test('neighbours with and without the same shape keep their own', () => {
  const shapes = [[2, 3], [2, 3], [3, 2], [3], [], [], [2, 3, 1], [2, 3]]
  const given = shapes.map((shape, index) => ({ name: `t${index}`, shape, digest: index }))
  const all = columns(shard('a', given.slice(0, 5)), shard('b', given.slice(5)))
  expect([...all.types()].map(({ shape }) => shape)).toEqual(shapes)
  expect(all.toInfos().map(({ shape }) => shape)).toEqual(shapes)
  expect(all.toInfos(2, 6)).toEqual(all.toInfos().slice(2, 6))
})
