import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { hashTable } from '../../src/dataset/table.ts'
import { ALGORITHMS, ROOT, readCases, temporaryFolder } from './support.ts'
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

const python = join(ROOT, '.peers/tables/bin/python')

describe.skipIf(!existsSync(python))('with the reference writers', () => {
  test('pyarrow writes the files of the vectors again, with the same tables in them', async () => {
    using folder = temporaryFolder()
    const args = ['-B', 'vectors/write_tables.py', '--into', folder.path]
    const { status, stderr } = spawnSync(python, args, { cwd: ROOT, encoding: 'utf8' })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    for (const { name, files = [], digests } of cases) {
      for (const file of files) {
        const { digest } = await hashTable(join(folder.path, file))
        expect(digest.toString(), `${name}: ${file}`).toBe(digests.blake3)
      }
    }
  })

  test('and reads in them what the vectors say', () => {
    const script = `
import sys; sys.path.insert(0, "vectors")
import pyarrow as pa, pyarrow.parquet as pq
from table_cases import CASES
from write_tables import make
read = {"parquet": lambda p: pq.ParquetFile(p).read(), "arrow": lambda p: pa.ipc.open_file(p).read_all(), "arrows": lambda p: pa.ipc.open_stream(p).read_all()}
for index, case in enumerate(CASES["table"]):
    for suffix in case.get("files", []):
        found = read[suffix.split(".")[-1]](f"vectors/tables/{index:02}.{suffix}")
        made = make(case)
        assert found.cast(made.schema).equals(made) or "float" in str(made.schema), (case["name"], suffix)
        assert found.num_rows == case["rows"]
`
    const { status, stderr } = spawnSync(python, ['-B', '-c', script], { cwd: ROOT, encoding: 'utf8' })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  })
})

test('no file of the vectors is left over', () => {
  const known = cases.flatMap(({ files = [] }) => files)
  expect(readdirSync(FOLDER).toSorted()).toEqual(known.toSorted())
  // They are looked at by people too: small.
  for (const file of known) expect(readFileSync(join(FOLDER, file)).length).toBeLessThan(40_000)
})
