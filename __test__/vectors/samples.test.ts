import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { hashRecords } from '../../src/dataset/sequence.ts'
import { tarOf } from '../support/archives.ts'
import { ALGORITHMS, contentOf, readCases, temporaryFolder } from './support.ts'
import type { Content, WrittenDigests } from './support.ts'

interface SamplesCase {
  readonly name: string
  readonly archives: readonly (readonly (Content & { readonly name: string })[])[]
  readonly records: number
  readonly digests: WrittenDigests
}

test.each(readCases('samples.json') as readonly SamplesCase[])(
  '$name',
  async ({ archives, records, digests }) => {
    using folder = temporaryFolder()
    for (const packed of [false, true]) {
      const paths = archives.map((members, index) => {
        const path = join(folder.path, `${index}.tar${packed ? '.gz' : ''}`)
        const tar = tarOf(...members.map((member) => ({ name: member.name, data: contentOf(member) })))
        writeFileSync(path, packed ? gzipSync(tar) : tar)
        return path
      })
      const hashed = await hashRecords(paths, { algorithm: 'both' })
      expect(hashed.records).toBe(records)
      for (const algorithm of ALGORITHMS)
        expect(hashed.digests[algorithm].toString()).toBe(digests[algorithm])
    }
  },
)
