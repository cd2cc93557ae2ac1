import { expect, test } from 'vitest'
import { hashArray } from '../../src/hash/array.ts'
import { digestBytes } from '../../src/hash/bytes.ts'
import type { ShapedArray, TypedArray } from '../../src/hash/array.ts'

const hex = async (array: TypedArray | ShapedArray): Promise<string> =>
  (await hashArray(array)).digest.toString()

test('dtype and shape count', async () => {
  // There float32 of (2, 3) equalled (3, 2), and zeros(2, f4) equalled zeros(1, f8).
  const data = Float32Array.of(1, 2, 3, 4, 5, 6)
  const digests = [
    await hex({ data, shape: [2, 3] }),
    await hex({ data, shape: [3, 2] }),
    await hex({ data, shape: [6, 1] }),
    await hex(data),
    await hex(new Float32Array(2)),
    await hex(new Float64Array(1)),
    await hex({ data: new Float64Array(1), shape: [] }),
    await hex(new Uint8Array(8)),
  ]
  expect(new Set(digests).size).toBe(digests.length)
})

test('one changed element of a large array is seen, the last one too', async () => {
  const data = new Float64Array(1_999_999)
  const before = await hex(data)
  data[1_999_998] = 1e-300
  expect(await hex(data)).not.toBe(before)
})

test('element bits count: -0, 0 and the payloads of NaN differ', async () => {
  expect(await hex(Float64Array.of(-0))).not.toBe(await hex(Float64Array.of(0)))
  const [one, other] = [
    new Float32Array(Uint32Array.of(0x7fa00001).buffer),
    new Float32Array(Uint32Array.of(0x7fe00001).buffer),
  ]
  expect(await hex(one)).not.toBe(await hex(other))
})

test('every typed array has a dtype, and where it lies in its buffer does not count', async () => {
  const dtypes = await Promise.all(
    [
      Int8Array,
      Uint8Array,
      Uint8ClampedArray,
      Int16Array,
      Uint16Array,
      Int32Array,
      Uint32Array,
      BigInt64Array,
      BigUint64Array,
      Float32Array,
      Float64Array,
    ].map(async (Type) => (await hashArray(new Type(3))).dtype),
  )
  expect(dtypes).toEqual(['I8', 'U8', 'U8', 'I16', 'U16', 'I32', 'U32', 'I64', 'U64', 'F32', 'F64'])
  const whole = Float32Array.of(9, 1, 2, 9)
  expect(await hex(whole.subarray(1, 3))).toBe(await hex(Float32Array.of(1, 2)))
})

test('the digest of the elements alone is given as well', async () => {
  const data = Float64Array.of(1, 2)
  expect((await hashArray(data, { algorithm: 'both' })).data).toEqual(
    await digestBytes(data, { algorithm: 'both' }),
  )
})

test('a shape that does not fit is refused', async () => {
  for (const shape of [[2, 2], [-1, -3], [1.5, 2], [NaN]]) {
    await expect(hashArray({ data: new Uint8Array(3), shape }), String(shape)).rejects.toMatchObject({
      field: 'shape',
    })
  }
  // @ts-expect-error an ordinary array has no element type
  await expect(hashArray([1, 2, 3])).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_ARGUMENT' })
})

test('bytes without a type are an array of U8', async () => {
  const { digest } = await hashArray(Uint8Array.of(1, 2, 3))
  const { buffer } = Uint8Array.of(0, 1, 2, 3, 0)
  const shared = new SharedArrayBuffer(3)
  new Uint8Array(shared).set([1, 2, 3])
  for (const bytes of [new DataView(buffer, 1, 3), buffer.slice(1, 4), shared, Buffer.from([1, 2, 3])])
    expect(await hashArray(bytes)).toMatchObject({ dtype: 'U8', shape: [3], digest })
})
