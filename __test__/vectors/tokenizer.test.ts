import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { readModel } from '../../src/model/read.ts'
import { TOKENIZER_FILES, readTokenizer } from '../../src/model/tokenizer.ts'
import { ALGORITHMS, contentOf, readCases, safetensors, temporaryFolder } from './support.ts'
import type { Content, WrittenDigests } from './support.ts'

interface TokenizerCase {
  readonly name: string
  readonly files: readonly { readonly name: string; readonly content: Content; readonly counts: boolean }[]
  readonly digests: WrittenDigests
}

const cases = readCases('tokenizer.json') as readonly TokenizerCase[]

test.each(cases)('a folder: $name', async ({ files, digests }) => {
  using folder = temporaryFolder()
  for (const { name, content } of files) {
    mkdirSync(dirname(join(folder.path, name)), { recursive: true })
    writeFileSync(join(folder.path, name), contentOf(content))
  }
  const both = await readTokenizer(folder.path, { algorithm: 'both' })
  expect(both.files).toEqual(
    files
      .filter(({ counts }) => counts)
      .map(({ name }) => name)
      .toSorted(),
  )
  for (const algorithm of ALGORITHMS) expect(both.digests[algorithm]?.toString()).toBe(digests[algorithm])

  writeFileSync(join(folder.path, 'model.safetensors'), safetensors([]))
  const model = await readModel(folder.path)
  expect(model.tokenizer?.toString()).toBe(digests.blake3)
})

test('the vectors know every name that counts', () => {
  const every = cases.find(({ name }) => name === 'every name')
  expect(every?.files.map(({ name }) => name).toSorted()).toEqual(TOKENIZER_FILES)
})
