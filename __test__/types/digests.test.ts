/** The compiler knows which digests there are, and refuses what cannot be recorded. `tsc` checks these lines. */
import { expect, expectTypeOf, test } from 'vitest'
import { Digest } from '../../src/core/digest.ts'
import { hashArray } from '../../src/hash/array.ts'
import { hashBytes } from '../../src/hash/bytes.ts'
import { hashFile, hashFiles } from '../../src/hash/file.ts'
import { hashStream } from '../../src/hash/stream.ts'
import { hashTree } from '../../src/hash/tree.ts'
import { readDataset } from '../../src/dataset/read.ts'
import { hashTable } from '../../src/dataset/table.ts'
import { readModel } from '../../src/model/read.ts'
import { readTokenizer } from '../../src/model/tokenizer.ts'
import type { AlgorithmChoice, Digests } from '../../src/core/digest.ts'

test('digests follow the algorithm', async () => {
  const bytes = new Uint8Array(3)
  const usual = await hashBytes(bytes)
  const sha256 = await hashBytes(bytes, { algorithm: 'sha256' })
  const both = await hashBytes(bytes, { algorithm: 'both', threads: 1 })
  expectTypeOf(usual.digests).toEqualTypeOf<Digests<'blake3'>>()
  expectTypeOf(usual.digests.blake3).toEqualTypeOf<Digest>()
  expectTypeOf(sha256.digests.sha256).toEqualTypeOf<Digest>()
  expectTypeOf(both.digests).toEqualTypeOf<{ readonly blake3: Digest; readonly sha256: Digest }>()
  // @ts-expect-error: it was not asked for
  expect(sha256.digests.blake3?.hex).toBeUndefined()
  expect(both.digests.blake3.hex).toBe(usual.digest.hex)
  expect(both.digests.sha256.hex).toBe(sha256.digest.hex)
})

test('an algorithm that is known only later says nothing', async () => {
  const algorithm = ['blake3', 'sha256'][1] as AlgorithmChoice
  const { digests } = await hashBytes(new Uint8Array(3), { algorithm })
  expectTypeOf(digests).toEqualTypeOf<Digests>()
  expectTypeOf(digests.blake3).toEqualTypeOf<Digest | undefined>()
  // Whatever was asked for is a set of digests.
  expectTypeOf<Digests<'blake3'>>().toExtend<Digests>()
  expectTypeOf<Digests<'both'>>().toExtend<Digests>()
  expectTypeOf<Digests<'blake3' | 'sha256'>>().toEqualTypeOf<Digests>()
  expect(Object.keys(digests)).toEqual(['sha256'])
})

test('so do all functions that hash', () => {
  const both = { algorithm: 'both' } as const
  type Both = Digests<'both'>
  const calls = {
    file: async () => (await hashFile('f', both)).digests,
    stream: async () => (await hashStream([], both)).digests,
    array: async () => (await hashArray(new Float32Array(1), both)).digests,
    tree: async () => (await hashTree('t', both)).digests,
    table: async () => (await hashTable('t', both)).digests,
    dataset: async () => (await readDataset('d', both)).digests,
    tokenizer: async () => (await readTokenizer('t', both)).digests,
    model: async () => (await readModel('m', both)).digests.weights,
  }
  expectTypeOf(calls).toEqualTypeOf<Record<keyof typeof calls, () => Promise<Both>>>()
  expectTypeOf(hashFiles(['f'], both)).resolves.toExtend<readonly ({ readonly digests: Both } | Error)[]>()
  expect(Object.keys(calls)).toHaveLength(8)
})
