import { expect, test } from 'vitest'
import { digestBytes } from '../../src/hash/bytes.ts'
import { readCases } from './support.ts'
import type { WrittenDigests } from './support.ts'

interface DescribedCase {
  readonly name: string
  readonly digests: WrittenDigests
  readonly blake3Description?: string
}

// A structured digest is the plain digest of its description: what follows the colon is the same.
test.each([
  'tree',
  'tensor',
  'weights',
  'architecture',
  'tokenizer',
  'splits',
  'sequence',
  'settings',
  'adapter',
  'json',
  'sampled',
])('descriptions of %s', async (file) => {
  const described = (readCases(`${file}.json`) as readonly DescribedCase[]).filter(
    (each) => each.blake3Description !== undefined,
  )
  expect(described.length).toBeGreaterThan(0)
  for (const { blake3Description, digests } of described) {
    const { blake3 } = await digestBytes(Buffer.from(blake3Description ?? '', 'hex'))
    expect(digests.blake3.endsWith(`.v1.${blake3?.toString()}`)).toBe(true)
  }
})
