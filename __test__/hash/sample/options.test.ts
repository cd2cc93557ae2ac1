import { expect, test } from 'vitest'
import { checkSample } from '../../../src/hash/sample/options.ts'
import { hashArray } from '../../../src/hash/array.ts'
import { hashFile } from '../../../src/hash/file.ts'
import { hashTree } from '../../../src/hash/tree.ts'
import { readModel } from '../../../src/model/read.ts'
import type { SampleOptions } from '../../../src/hash/sample/options.ts'

test('what is asked for becomes a plan', () => {
  const plan = { strategy: 'strided', seed: 0n, amount: [1, 1000], above: 0 }
  expect(checkSample(undefined)).toBeUndefined()
  expect(checkSample({ share: 0.001 })).toEqual(plan)
  expect(checkSample({ share: '0.1%', strategy: undefined, seed: undefined })).toEqual(plan)
  expect(checkSample({ count: 1 })).toEqual({ ...plan, amount: 2 })
  expect(checkSample({ count: 9, strategy: 'random', seed: 7, above: 20 })).toEqual({
    strategy: 'random',
    seed: 7n,
    amount: 9,
    above: 20,
  })
  expect(checkSample({ count: 9, strategy: 'random', seed: (1n << 64n) - 1n })?.seed).toBe(
    18446744073709551615n,
  )
})

test('anything else is refused, and the field is named', () => {
  const wrong: [object | string | null, string][] = [
    [{}, 'sample'],
    [{ count: 2, share: 0.1 }, 'sample'],
    ['1/1000', 'sample'],
    [null, 'sample'],
    [{ count: 0 }, 'sample.count'],
    [{ count: 2.5 }, 'sample.count'],
    [{ count: Infinity }, 'sample.count'],
    [{ count: '5' }, 'sample.count'],
    [{ share: 0 }, 'sample.share'],
    [{ share: 2 }, 'sample.share'],
    [{ share: NaN }, 'sample.share'],
    [{ share: 'half' }, 'sample.share'],
    [{ count: 2, strategy: 'every' }, 'sample.strategy'],
    [{ count: 2, seed: 1 }, 'sample.seed'],
    [{ count: 2, strategy: 'random', seed: -1 }, 'sample.seed'],
    [{ count: 2, strategy: 'random', seed: 2 ** 53 }, 'sample.seed'],
    [{ count: 2, strategy: 'random', seed: 1n << 64n }, 'sample.seed'],
    [{ count: 2, above: -1 }, 'sample.above'],
    [{ count: 2, stratgy: 'blocks' }, 'sample.stratgy'],
  ]
  for (const [sample, field] of wrong) {
    expect(() => checkSample(sample as SampleOptions), JSON.stringify(sample, bigints)).toThrow(
      expect.objectContaining({ code: 'ERR_LINEAPRINT_ARGUMENT', field }),
    )
  }
  expect(() => checkSample({ stratgy: 'blocks' } as SampleOptions)).toThrow(
    expect.objectContaining({
      code: 'ERR_LINEAPRINT_ARGUMENT',
      hint: expect.stringContaining('strategy') as string,
    }),
  )
})

function bigints(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}

test('a sample cannot stand beside what is about every byte', async () => {
  const sample = { count: 2 }
  const code = 'ERR_LINEAPRINT_ARGUMENT'
  await expect(hashFile('x', { sample, start: 1 })).rejects.toMatchObject({ code, field: 'sample' })
  await expect(hashFile('x', { sample, cache: true })).rejects.toMatchObject({ code, field: 'sample' })
  await expect(hashTree('x', { sample, cache: true })).rejects.toMatchObject({ code, field: 'sample' })
  await expect(readModel('x', { sample, files: true })).rejects.toMatchObject({ code, field: 'sample' })
  // @ts-expect-error a mistyped option
  await expect(hashFile('x', { smaple: sample })).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_ARGUMENT',
    field: 'smaple',
    hint: expect.stringContaining('sample') as string,
  })
  // @ts-expect-error a mistyped option
  await expect(hashArray(new Uint8Array(1), { smaple: sample })).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_ARGUMENT',
    field: 'smaple',
    hint: expect.stringContaining('sample') as string,
  })
})
