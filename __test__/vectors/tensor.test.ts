import { expect, test } from 'vitest'
import { toDigests } from '../../src/core/digest.ts'
import { hashArray } from '../../src/hash/array.ts'
import { digestBytes } from '../../src/hash/bytes.ts'
import { native } from '../../src/native/load.ts'
import { ALGORITHMS, contentOf, readCases } from './support.ts'
import type { TypedArray } from '../../src/hash/array.ts'
import type { VectorTensor, WrittenDigests } from './support.ts'

interface TensorCase extends VectorTensor {
  readonly dataDigests: WrittenDigests
  readonly digests: WrittenDigests
}

const cases = readCases('tensor.json') as readonly TensorCase[]

const VIEWS: Readonly<Record<string, (buffer: ArrayBuffer) => TypedArray>> = {
  U8: (buffer) => new Uint8Array(buffer),
  I8: (buffer) => new Int8Array(buffer),
  U16: (buffer) => new Uint16Array(buffer),
  I16: (buffer) => new Int16Array(buffer),
  U32: (buffer) => new Uint32Array(buffer),
  I32: (buffer) => new Int32Array(buffer),
  U64: (buffer) => new BigUint64Array(buffer),
  I64: (buffer) => new BigInt64Array(buffer),
  F32: (buffer) => new Float32Array(buffer),
  F64: (buffer) => new Float64Array(buffer),
}

test.each(cases)(
  'from the digest of its elements: $name',
  async ({ dtype, shape, data, dataDigests, digests }) => {
    const plain = await digestBytes(contentOf(data), { algorithm: 'both' })
    const made = toDigests(
      native.tensorDigest(dtype, [...shape], plain.blake3?.bytes, plain.sha256?.bytes),
      'tensor',
    )
    for (const algorithm of ALGORITHMS) {
      expect(plain[algorithm]?.toString()).toBe(dataDigests[algorithm])
      expect(made[algorithm]?.toString()).toBe(digests[algorithm])
    }
  },
)

test.each(cases.filter(({ dtype }) => dtype in VIEWS))(
  'a typed array: $name',
  async ({ dtype, shape, data, ...expected }) => {
    const view = VIEWS[dtype]?.(new Uint8Array(contentOf(data)).buffer)
    const array = await hashArray({ data: view as TypedArray, shape }, { algorithm: 'both' })
    expect(array.dtype).toBe(dtype)
    for (const algorithm of ALGORITHMS) {
      expect(array.digests[algorithm]?.toString()).toBe(expected.digests[algorithm])
      expect(array.data[algorithm]?.toString()).toBe(expected.dataDigests[algorithm])
    }
  },
)
