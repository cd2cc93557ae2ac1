import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { readDataset } from '../../src/dataset/read.ts'
import { hashTable } from '../../src/dataset/table.ts'
import { folderOf } from '../support/folder.ts'

const CSV = 'id,text\n1,"a,b"\n2,"say ""x"""\n3,\n'
const SCHEMA = { id: 'int64', text: 'utf8' }

test('compression, and delimiters that the name or an option states, do not count', async () => {
  const root = folderOf({
    'a.csv': CSV,
    'a.csv.gz': gzipSync(CSV),
    'a.csv.zst': zstdCompressSync(CSV),
    'two.csv.gz': Buffer.concat([gzipSync(CSV.slice(0, 10)), gzipSync(CSV.slice(10))]),
    'a.tsv': 'id\ttext\n1\ta,b\n2\t"say ""x"""\n3\t\n',
    'a.tsv.gz': gzipSync('id\ttext\n1\ta,b\n2\t"say ""x"""\n3\t\n'),
    'semicolon.csv': 'id;text\n1;a,b\n2;"say ""x"""\n3;\n',
    'single.csv': 'id|text\n1|a,b\n2|\'say "x"\'\n3|\n',
    'none.csv': 'id\ttext\n1\ta,b\n2\tsay "x"\n3\t\n',
    'lines.jsonl.gz': gzipSync('{"id":1,"text":"a,b"}\n{"id":2,"text":"say \\"x\\""}\n{"id":3}\n'),
  })
  const options: Readonly<Record<string, { readonly delimiter?: string; readonly quote?: string }>> = {
    'semicolon.csv': { delimiter: ';' },
    'single.csv': { delimiter: '|', quote: "'" },
    'none.csv': { delimiter: '\t', quote: '' },
  }
  const names = ['a.csv.gz', 'a.csv.zst', 'two.csv.gz', 'a.tsv', 'a.tsv.gz', ...Object.keys(options)]
  for (const schema of [undefined, SCHEMA]) {
    const plain = await hashTable(join(root, 'a.csv'), { schema })
    for (const name of [...names, ...(schema ? ['lines.jsonl.gz'] : [])]) {
      const table = await hashTable(join(root, name), { schema, ...options[name] })
      expect(table.digest.toString(), name).toBe(plain.digest.toString())
      const report = await readDataset(join(root, name), { schema, ...options[name] })
      expect(report.table?.digest.toString(), name).toBe(plain.digest.toString())
    }
  }
})

test('a delimiter is never guessed', async () => {
  const root = folderOf({ 'a.csv': 'a;b\n1;2\n', 'tab.csv': 'a\tb\n1\t2\n' })
  for (const name of ['a.csv', 'tab.csv']) expect((await hashTable(join(root, name))).columns).toHaveLength(1)
})

test('compressed files of one folder are one table', async () => {
  const rows = (start: number, end: number): string =>
    Array.from({ length: end - start }, (_, index) => `${start + index}\n`).join('')
  const root = folderOf({
    'part-1.csv.gz': gzipSync(`n\n${rows(0, 3)}`),
    'part-2.csv': `n\n${rows(3, 66_000)}`,
    'part-10.csv.zst': zstdCompressSync(`n\n${rows(66_000, 70_000)}`),
  })
  const one = await hashTable(join(folderOf({ 'a.csv': `n\n${rows(0, 70_000)}` }), 'a.csv'))
  const { table } = await readDataset(root)
  expect(table).toMatchObject({ rows: 70_000, files: 3 })
  expect(table?.digest.toString()).toBe(one.digest.toString())
})

test.each<readonly [name: string, file: string, bytes: Uint8Array, message: RegExp]>([
  ['a truncated gzip', 'a.csv.gz', gzipSync(CSV).subarray(0, -3), /the gzip data is truncated/],
  ['a bad checksum', 'a.csv.gz', withByte(gzipSync(CSV), -6), /the gzip data is damaged/],
  ['plain text with the name of gzip', 'a.csv.gz', Buffer.from(CSV), /the gzip data is damaged/],
  ['gzip with the name of plain text', 'a.csv', gzipSync(CSV), /UTF-8|carriage return|quote/],
  ['a truncated zstd', 'a.csv.zst', zstdCompressSync(CSV).subarray(0, -3), /the zstd data is truncated/],
  ['an empty file with the name of gzip', 'a.csv.gz', Buffer.alloc(0), /the gzip data is truncated/],
])('%s is refused', async (_, file, bytes, message) => {
  const path = join(folderOf({ [file]: bytes }), file)
  await expect(hashTable(path)).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_FORMAT',
    path,
    message: expect.stringMatching(message) as string,
  })
})

function withByte(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[copy.length + at] = (copy.at(at) ?? 0) ^ 1
  return copy
}

test.each([{ delimiter: ';;' }, { delimiter: '' }, { delimiter: '\n' }, { quote: 'ü' }, { delimiter: '"' }])(
  '%j is no dialect',
  async (dialect) => {
    const path = join(folderOf({ 'a.csv': CSV }), 'a.csv')
    await expect(hashTable(path, dialect)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_ARGUMENT' })
  },
)

test('Parquet in gzip is refused', async () => {
  const path = join(folderOf({ 'a.parquet.gz': gzipSync('PAR1') }), 'a.parquet.gz')
  await expect(hashTable(path)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_UNSUPPORTED' })
})
