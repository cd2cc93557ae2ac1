import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readDataset } from '../../src/dataset/read.ts'
import { ALGORITHMS, readCases, temporaryFolder } from './support.ts'
import type { WrittenDigests } from './support.ts'

interface Value {
  readonly name: string
  readonly encoding: string
  readonly base64: string
}

interface ShardsCase {
  readonly name: string
  readonly samples: readonly (readonly Value[])[]
  readonly records: number
  readonly digests: WrittenDigests
}

test.each(readCases('shards.json') as readonly ShardsCase[])(
  '$name',
  async ({ samples, records, digests }) => {
    using folder = temporaryFolder()
    // The same samples in one shard, and in a shard each.
    for (const parts of [[samples], samples.map((sample) => [sample])]) {
      const shards = parts.map((part, index) => {
        const basename = `shard.${index}.mds`
        const bytes = shardOf(part)
        writeFileSync(join(folder.path, basename), bytes)
        const [columns = []] = part
        return {
          column_encodings: columns.map(({ encoding }) => encoding),
          column_names: columns.map(({ name }) => name),
          column_sizes: columns.map((value) => (isNumber(value) ? 8 : null)),
          compression: null,
          format: 'mds',
          hashes: [],
          raw_data: { basename, bytes: bytes.length, hashes: {} },
          samples: part.length,
          size_limit: 1 << 26,
          version: 2,
          zip_data: null,
        }
      })
      writeFileSync(join(folder.path, 'index.json'), JSON.stringify({ shards, version: 2 }))
      const { sequence } = await readDataset(folder.path, { algorithm: 'both' })
      expect(sequence?.records).toBe(records)
      for (const algorithm of ALGORITHMS)
        expect(sequence?.digests[algorithm]?.toString()).toBe(digests[algorithm])
    }
  },
)

/** Return a shard: the number of its samples, where each begins and the last ends, and the samples. */
function shardOf(samples: readonly (readonly Value[])[]): Buffer {
  const written = samples.map((sample) => {
    const lengths = sample.filter((value) => !isNumber(value)).map((value) => u32(bytesOf(value).length))
    return Buffer.concat([...lengths, ...sample.map(bytesOf)])
  })
  let end = 4 * (samples.length + 2)
  const ends = written.map(({ length }) => (end += length))
  return Buffer.concat([u32(samples.length), u32(4 * (samples.length + 2)), ...ends.map(u32), ...written])
}

/** A number has one length, which the index states. */
function isNumber({ encoding }: Value): boolean {
  return encoding.startsWith('int')
}

function bytesOf({ base64 }: Value): Buffer {
  return Buffer.from(base64, 'base64')
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
