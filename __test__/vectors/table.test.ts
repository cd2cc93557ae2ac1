import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { hashTable } from '../../src/dataset/table.ts'
import { ALGORITHMS, ROOT, readCases } from './support.ts'
import type { TableSchema } from '../../src/dataset/table.ts'
import type { WrittenDigests } from './support.ts'

interface TableCase {
  readonly name: string
  readonly rows: number
  readonly columns: readonly { readonly name: string; readonly type: string }[]
  readonly files?: readonly string[]
  readonly csv?: string
  readonly jsonl?: string
  readonly schema?: TableSchema
  readonly digests: WrittenDigests
  readonly unordered: WrittenDigests
}

const cases = readCases('table.json') as readonly TableCase[]
const FOLDER = join(ROOT, 'vectors/tables')

/** A table in some form, and what it must be. */
const forms = cases.flatMap((wanted) => [
  ...(wanted.files ?? []).map((file) => ({
    what: `${wanted.name}: ${file}`,
    source: join(FOLDER, file) as string | Buffer,
    options: {},
    wanted,
  })),
  ...(['csv', 'jsonl'] as const).flatMap((format) => {
    const text = wanted[format]
    const options = { format, schema: wanted.schema }
    return text === undefined
      ? []
      : [{ what: `${wanted.name}: ${format}`, source: Buffer.from(text), options, wanted }]
  }),
])

test.each(forms)('$what', async ({ source, options, wanted }) => {
  const table = await hashTable(source, { ...options, algorithm: 'both' })
  expect(table.rows).toBe(wanted.rows)
  expect(table.columns.map(({ name, type }) => ({ name, type }))).toEqual(
    wanted.columns.map(({ name, type }) => ({ name, type })),
  )
  const unordered = await hashTable(source, { ...options, algorithm: 'both', unordered: true })
  for (const algorithm of ALGORITHMS) {
    expect(table.digests[algorithm]?.toString()).toBe(wanted.digests[algorithm])
    expect(unordered.digests[algorithm]?.toString()).toBe(wanted.unordered[algorithm])
    const alone = await hashTable(source, { ...options, algorithm, threads: 1 })
    expect(alone.digest.toString()).toBe(wanted.digests[algorithm])
  }
})

test.each(forms.filter(({ wanted }) => wanted.columns.length === 1))(
  'the one column has the digest of the table: $what',
  async ({ source, options, wanted }) => {
    const { columns } = await hashTable(source, options)
    expect(columns[0]?.digest?.toString()).toBe(wanted.digests.blake3)
  },
)

test('there is a case for every form', () => {
  expect(new Set(forms.map(({ what }) => /[^.: ]+$/.exec(what)?.[0]))).toEqual(
    new Set(['parquet', 'arrow', 'arrows', 'csv', 'jsonl']),
  )
})

test('no file of the vectors is left over', () => {
  const known = cases.flatMap(({ files = [] }) => files)
  expect(readdirSync(FOLDER).toSorted()).toEqual(known.toSorted())
  // They are looked at by people too: small.
  for (const file of known) expect(readFileSync(join(FOLDER, file)).length).toBeLessThan(40_000)
})
