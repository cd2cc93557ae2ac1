import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { hashTree } from '../../src/hash/tree.ts'
import { ALGORITHMS, readCases, temporaryFolder, writeEntries } from './support.ts'
import type { VectorEntry, WrittenDigests } from './support.ts'

interface TreeCase {
  readonly name: string
  readonly links: 'follow' | 'record'
  readonly root: readonly VectorEntry[]
  readonly digests: WrittenDigests
}

const cases = readCases('tree.json') as readonly TreeCase[]

/** Names that Apple's file systems refuse or take for one another, and links that Windows keeps for admins. */
function isPossibleHere({ root, name }: TreeCase): boolean {
  const text = JSON.stringify(root)
  if (process.platform === 'darwin')
    return !/nameBase64|linkBase64/.test(text) && !name.includes('normalised')
  if (process.platform === 'win32') return !/nameBase64|"link/.test(text)
  return true
}

test.each(cases.filter(isPossibleHere))('a folder: $name', async ({ root, links, digests }) => {
  using folder = temporaryFolder()
  writeEntries(Buffer.from(folder.path), root)
  const both = await hashTree(folder.path, { links, algorithm: 'both' })
  for (const algorithm of ALGORITHMS) {
    expect(both.digests[algorithm]?.toString()).toBe(digests[algorithm])
    const alone = await hashTree(folder.path, { links, algorithm, threads: 1 })
    expect(alone.digest.toString()).toBe(digests[algorithm])
  }
})

test('an ignored entry counts as one that is not there', async () => {
  const nested = cases.find(({ name }) => name === 'nested')
  using folder = temporaryFolder()
  writeEntries(Buffer.from(folder.path), nested?.root ?? [])
  mkdirSync(join(folder.path, 'cache'))
  for (const path of ['cache/x.txt', 'sub/left.tmp', 'hello.txt.tmp'])
    writeFileSync(join(folder.path, path), 'x')
  const tree = await hashTree(folder.path, { ignore: ['*.tmp', '/cache/'] })
  expect(tree.digest.toString()).toBe(nested?.digests.blake3)
})
