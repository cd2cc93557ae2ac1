import { expect, test } from 'vitest'
import { readDataset } from '../../src/dataset/read.ts'
import { ALGORITHMS, readCases, valueOf } from './support.ts'
import type { WrittenDigests } from './support.ts'

interface ItemsCase {
  readonly name: string
  readonly items: readonly unknown[]
  readonly records: number
  readonly digests: WrittenDigests
}

test.each(readCases('items.json') as readonly ItemsCase[])('$name', async ({ items, records, digests }) => {
  const report = await readDataset(items.map(valueOf), { algorithm: 'both' })
  expect(report.sequence?.records).toBe(records)
  for (const algorithm of ALGORITHMS) expect(report.digests[algorithm]?.toString()).toBe(digests[algorithm])
})
