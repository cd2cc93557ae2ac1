import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { hashLines } from '../../src/dataset/sequence.ts'
import { ALGORITHMS, contentOf, readCases, temporaryFolder } from './support.ts'
import type { Content, WrittenDigests } from './support.ts'

type SequenceFile = Content | { readonly counted: readonly [number, number] }

interface SequenceCase {
  readonly name: string
  readonly files: readonly SequenceFile[]
  readonly records: number
  readonly digests: WrittenDigests
}

function bytesOf(file: SequenceFile): Uint8Array {
  if (!('counted' in file)) return contentOf(file)
  const [start, end] = file.counted
  return Buffer.from(Array.from({ length: end - start }, (_, index) => `${start + index}\n`).join(''))
}

test.each(readCases('sequence.json') as readonly SequenceCase[])(
  '$name',
  async ({ files, records, digests }) => {
    using folder = temporaryFolder()
    const paths = files.map((file, index) => {
      const path = join(folder.path, `${index}.jsonl`)
      writeFileSync(path, bytesOf(file))
      return path
    })
    const hashed = await hashLines(paths, { algorithm: 'both' })
    expect(hashed.records).toBe(records)
    for (const algorithm of ALGORITHMS) expect(hashed.digests[algorithm].toString()).toBe(digests[algorithm])
  },
)

test('the path of one file is enough', async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'a.jsonl')
  writeFileSync(path, 'a\nb\n')
  expect((await hashLines(path)).digest.equals((await hashLines([path])).digest)).toBe(true)
})

test('a sequence needs a file', async () => {
  await expect(hashLines([])).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_ARGUMENT' })
  await expect(hashLines('/nowhere/at/all')).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_NOT_FOUND' })
})
