import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { digestBytes } from '../../src/hash/bytes.ts'
import { readModel } from '../../src/model/read.ts'
import { ALGORITHMS, contentOf, readCases, safetensors, temporaryFolder } from './support.ts'
import type { VectorTensor, WrittenDigests } from './support.ts'

interface WeightsCase {
  readonly name: string
  readonly tensors: readonly VectorTensor[]
  readonly digests: WrittenDigests
}

const cases = readCases('weights.json') as readonly WeightsCase[]

/** Writes tensors as two shards and their index, every other tensor in the second one. */
function writeShards(folder: string, tensors: readonly VectorTensor[]): string {
  const names = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'] as const
  const map = tensors.map(({ name }, index) => `${JSON.stringify(name)}:${JSON.stringify(names[index % 2])}`)
  for (const [remainder, name] of names.entries()) {
    const own = tensors.filter((_, index) => index % 2 === remainder)
    writeFileSync(join(folder, name), safetensors(own, { metadata: { format: 'pt' } }))
  }
  const index = join(folder, 'model.safetensors.index.json')
  writeFileSync(index, `{"metadata":{"total_size":1},"weight_map":{${map.join(',')}}}`)
  return index
}

test.each(cases)('a file: $name', async ({ tensors, digests }) => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'model.safetensors')
  writeFileSync(path, safetensors(tensors))
  const both = await readModel(path, { algorithm: 'both' })
  for (const algorithm of ALGORITHMS) {
    expect(both.digests.weights[algorithm]?.toString()).toBe(digests[algorithm])
    const alone = await readModel(path, { algorithm, threads: 1 })
    expect(alone.weights.toString()).toBe(digests[algorithm])
  }
  expect(both.tensors).toHaveLength(tensors.length)
  for (const { name, dtype, shape, data } of tensors) {
    const found = both.tensors.find((tensor) => tensor.name === name)
    expect(found).toMatchObject({ dtype, shape })
    expect(found?.digest.toString()).toBe((await digestBytes(contentOf(data))).blake3?.toString())
  }
})

test.each(cases)(
  'order, metadata and padding of the file do not count: $name',
  async ({ tensors, digests }) => {
    using folder = temporaryFolder()
    const path = join(folder.path, 'model.safetensors')
    for (const [order, options] of [
      [tensors, { metadata: { note: 'saved again', format: 'pt' } }],
      [tensors, { headerReversed: true, padding: 7 }],
      [tensors.toReversed(), { padding: 1 }],
    ] as const) {
      writeFileSync(path, safetensors(order, options))
      const { weights } = await readModel(path)
      expect(weights.toString()).toBe(digests.blake3)
    }
  },
)

// An index without tensors is refused, so there must be one for each shard.
test.each(cases.filter(({ tensors }) => tensors.length > 1))(
  'two shards: $name',
  async ({ tensors, digests }) => {
    using folder = temporaryFolder()
    const index = writeShards(folder.path, tensors)
    for (const path of [index, folder.path]) {
      const { digests: found } = await readModel(path, { algorithm: 'both' })
      for (const algorithm of ALGORITHMS)
        expect(found.weights[algorithm]?.toString()).toBe(digests[algorithm])
    }
  },
)

test.each(cases)('with the files in the same read: $name', async ({ tensors, digests }) => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'model.safetensors')
  const bytes = safetensors(tensors)
  writeFileSync(path, bytes)
  const model = await readModel(path, { files: true, algorithm: 'both' })
  const plain = await digestBytes(bytes, { algorithm: 'both' })
  for (const algorithm of ALGORITHMS) {
    expect(model.digests.weights[algorithm]?.toString()).toBe(digests[algorithm])
    expect(model.digests.tree?.[algorithm]?.toString()).toBe(plain[algorithm]?.toString())
  }
})
