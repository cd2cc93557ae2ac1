import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { digestBytes } from '../../src/hash/bytes.ts'
import { hashFile, hashFiles } from '../../src/hash/file.ts'
import { hashStream } from '../../src/hash/stream.ts'
import { LineaprintError } from '../../src/core/errors.ts'
import { ALGORITHMS, contentOf, readCases, temporaryFolder } from './support.ts'
import type { Content, WrittenDigests } from './support.ts'

interface PlainCase {
  readonly name: string
  readonly content: Content
  readonly digests: WrittenDigests
}

const cases = readCases('plain.json') as readonly PlainCase[]

/** Gives bytes in pieces that no boundary of a hash function divides. */
function* pieces(bytes: Uint8Array): Generator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += 77_777) yield bytes.subarray(start, start + 77_777)
}

test.each(cases)('bytes in memory and streams: $name', async ({ content, digests }) => {
  const bytes = contentOf(content)
  const both = await digestBytes(bytes, { algorithm: 'both' })
  const streamed = await hashStream(pieces(bytes), { algorithm: 'both' })
  expect(streamed.size).toBe(bytes.length)
  for (const algorithm of ALGORITHMS) {
    const alone = await digestBytes(bytes, { algorithm })
    expect(alone[algorithm]?.toString()).toBe(digests[algorithm])
    expect(both[algorithm]?.toString()).toBe(digests[algorithm])
    expect(streamed.digests[algorithm]?.toString()).toBe(digests[algorithm])
  }
})

test.each(cases)('a file: $name', async ({ content, digests }) => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'file')
  writeFileSync(path, contentOf(content))
  const both = await hashFile(path, { algorithm: 'both' })
  for (const algorithm of ALGORITHMS) {
    const alone = await hashFile(path, { algorithm })
    expect(alone.digest.toString()).toBe(digests[algorithm])
    expect(both.digests[algorithm]?.toString()).toBe(digests[algorithm])
  }
})

test('all files in one job, on one thread and on several', async () => {
  using folder = temporaryFolder()
  const paths = cases.map(({ content }, index) => {
    const path = join(folder.path, String(index))
    writeFileSync(path, contentOf(content))
    return path
  })
  for (const threads of [1, 3]) {
    for (const algorithm of ALGORITHMS) {
      const outcomes = await hashFiles(paths, { algorithm, threads })
      const written = outcomes.map((outcome) =>
        outcome instanceof LineaprintError ? outcome.message : outcome.digest.toString(),
      )
      expect(written).toEqual(cases.map(({ digests }) => digests[algorithm]))
    }
  }
})
