/** Arrays with strides, against one that is written out element by element. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hashArray } from '../../src/hash/array.ts'
import type { ShapedArray } from '../../src/hash/array.ts'

/** The digest of an array, or the code of the error. */
async function outcomeOf(array: ShapedArray): Promise<string> {
  return hashArray(array).then(
    ({ digest }) => digest.toString(),
    (error: { code: string }) => error.code,
  )
}

const ARGUMENT = { code: 'ERR_LINEAPRINT_ARGUMENT' }

test('a view has the digest of the array that it shows', async () => {
  const data = Float32Array.of(1, 2, 3, 4, 5, 6)
  const transposed = await hashArray({ data: Float32Array.of(1, 4, 2, 5, 3, 6), shape: [3, 2] })
  for (const steps of [{ stride: [1, 3] }, { strides: [1, 3], offset: 0 }])
    expect((await hashArray({ data, shape: [3, 2], ...steps })).digest).toEqual(transposed.digest)
  const same = await hashArray({ data, shape: [2, 3] })
  expect((await hashArray({ data, shape: [2, 3], stride: [3, 1], offset: 0 })).digest).toEqual(same.digest)
  const row = await hashArray({ data: Float32Array.of(4, 5), shape: [2] })
  expect((await hashArray({ data, shape: [2], offset: 3 })).digest).toEqual(row.digest)
  const reversed = await hashArray({ data: BigInt64Array.of(3n, 2n, 1n), shape: [3] })
  expect(
    (await hashArray({ data: Buffer.from([1, 2]), shape: [2], stride: [-1], offset: 1 })).digest,
  ).toEqual((await hashArray(Uint8Array.of(2, 1))).digest)
  const backwards = { data: BigInt64Array.of(1n, 2n, 3n), shape: [3], stride: [-1], offset: 2 }
  expect((await hashArray(backwards)).digest).toEqual(reversed.digest)
})

test('random views agree with the slow way', async () => {
  const axis = fc.record({ size: fc.integer({ min: 0, max: 4 }), step: fc.integer({ min: -5, max: 5 }) })
  await fc.assert(
    fc.asyncProperty(
      fc.array(axis, { maxLength: 3 }),
      fc.integer({ min: 0, max: 60 }),
      async (axes, offset) => {
        const data = Uint16Array.from({ length: 61 }, (_, index) => index)
        const [shape, stride] = [axes.map(({ size }) => size), axes.map(({ step }) => step)]
        let positions = [offset]
        for (const { size, step } of axes)
          positions = positions.flatMap((at) => Array.from({ length: size }, (_, index) => at + index * step))
        const isInside = positions.every((at) => at >= 0 && at < data.length)
        const hashed = await outcomeOf({ data, shape, stride, offset })
        const slow = isInside
          ? await outcomeOf({ data: Uint16Array.from(positions), shape })
          : 'ERR_LINEAPRINT_ARGUMENT'
        expect(hashed).toBe(slow)
      },
    ),
  )
})

test('steps that do not fit are an error and no digest', async () => {
  const data = Float32Array.of(1, 2, 3, 4)
  for (const wrong of [
    { shape: [2, 2], stride: [1] },
    { shape: [2, 2], stride: [2, 2] },
    { shape: [2, 2], stride: [2, 0.5] },
    { shape: [2, 2], stride: 'ab' },
    { shape: [2], offset: -1 },
    { shape: [2], offset: 3 },
  ])
    await expect(hashArray({ data, ...wrong } as never)).rejects.toMatchObject(ARGUMENT)
})

test('a NaN keeps its bits in a view', async () => {
  const words = Uint32Array.of(0x7fa0_0001, 0x7f80_0001, 0xffc0_0000, 0x7fc0_0000)
  const doubles = Uint32Array.of(1, 0x7ff0_0000, 2, 0xfff8_0000)
  const halves = Uint16Array.of(0x7d01, 0x7e00)
  for (const [forwards, backwards] of [
    [new Float32Array(words.buffer), new Float32Array(words.toReversed().buffer)],
    [
      new Float64Array(doubles.buffer),
      new Float64Array(Uint32Array.of(2, 0xfff8_0000, 1, 0x7ff0_0000).buffer),
    ],
    [halves, halves.toReversed()],
  ] as const) {
    const { length } = forwards
    const view = { data: forwards, shape: [length], stride: [-1], offset: length - 1 }
    expect((await hashArray(view)).digest).toEqual((await hashArray(backwards)).digest)
  }
})
