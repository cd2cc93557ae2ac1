import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { hashRecords } from '../../src/dataset/sequence.ts'
import { ALGORITHMS, contentOf, readCases, temporaryFolder } from './support.ts'
import type { Content, WrittenDigests } from './support.ts'

interface RecordsCase {
  readonly name: string
  readonly files: readonly Content[]
  readonly records: number
  readonly digests: WrittenDigests
}

const PACKED: readonly (readonly [suffix: string, pack: (bytes: Uint8Array) => Uint8Array])[] = [
  ['', (bytes) => bytes],
  ['.gz', (bytes) => gzipSync(bytes)],
  ['.zst', (bytes) => zstdCompressSync(bytes)],
]

test.each(readCases('tfrecord.json') as readonly RecordsCase[])(
  '$name',
  async ({ files, records, digests }) => {
    using folder = temporaryFolder()
    for (const [suffix, pack] of PACKED) {
      const paths = files.map((file, index) => {
        const path = join(folder.path, `${index}.tfrecord${suffix}`)
        writeFileSync(path, pack(contentOf(file)))
        return path
      })
      const hashed = await hashRecords(paths, { algorithm: 'both' })
      expect(hashed.records).toBe(records)
      for (const algorithm of ALGORITHMS)
        expect(hashed.digests[algorithm].toString()).toBe(digests[algorithm])
    }
  },
)
