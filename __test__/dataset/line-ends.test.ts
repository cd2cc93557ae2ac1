import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { readDataset } from '../../src/dataset/read.ts'
import { hashRecords } from '../../src/dataset/sequence.ts'
import { hashTable } from '../../src/dataset/table.ts'
import { folderOf } from '../support/folder.ts'

const MIXED =
  'mixes line ends: 2 lines end with a carriage return and a line feed, and 1 with a line feed alone'

test('a table of CSV with line ends of two kinds has a warning, and the digest of one kind', async () => {
  const root = folderOf({
    'mixed.csv': 'a,b\r\n1,2\n3,4\r\n',
    'plain.csv': 'a,b\n1,2\n3,4\n',
    'windows.csv': 'a,b\r\n1,2\r\n3,4\r\n',
  })
  const [mixed, plain, windows] = [
    await hashTable(join(root, 'mixed.csv')),
    await hashTable(join(root, 'plain.csv')),
    await hashTable(join(root, 'windows.csv')),
  ]
  expect(mixed.warnings).toEqual([`${join(root, 'mixed.csv')} ${MIXED}`])
  expect([plain.warnings, windows.warnings]).toEqual([[], []])
  expect(new Set([mixed, plain, windows].map(({ digest }) => digest.hex)).size).toBe(1)
  const unordered = await hashTable(join(root, 'mixed.csv'), { unordered: true })
  expect(unordered.warnings).toEqual(mixed.warnings)
})

test('line ends in quotes are content and do not count', async () => {
  const root = folderOf({ 'a.csv': 'a\r\n"x\ny"\r\n' })
  expect((await hashTable(join(root, 'a.csv'))).warnings).toEqual([])
})

test('of several files, the first that mixes is named; files of one kind each are no mix', async () => {
  const root = folderOf({
    '1.csv': 'a\n1\n',
    '2.csv': 'a\r\n1\r\n',
    '3.csv': 'a\r\n1\n2\r\n',
    '4.csv': 'a\r\n1\n2\r\n3\n',
  })
  const paths = ['1.csv', '2.csv', '3.csv', '4.csv'].map((name) => join(root, name))
  expect((await hashTable(paths.slice(0, 2))).warnings).toEqual([])
  expect((await hashTable(paths)).warnings).toEqual([`${paths[2]} ${MIXED}`])
  expect((await readDataset(root)).warnings).toContain(`${paths[2]} ${MIXED}`)
})

test('JSON lines: as a sequence, as a table, and compressed', async () => {
  const text = '{"a":1}\r\n{"a":2}\n{"a":3}\r\n'
  const root = folderOf({ 'a.jsonl': text, 'b.jsonl.gz': gzipSync(text), 'c.jsonl': '{"a":1}\n{"a":2}' })
  for (const name of ['a.jsonl', 'b.jsonl.gz']) {
    const path = join(root, name)
    expect((await hashRecords(path)).warnings, name).toEqual([`${path} ${MIXED}`])
    expect((await hashTable(path, { schema: { a: 'int64' } })).warnings, name).toEqual([`${path} ${MIXED}`])
    expect((await readDataset(path)).warnings, name).toEqual([`${path} ${MIXED}`])
  }
  // The last line needs no line end, so that its absence is no second kind.
  expect((await hashRecords(join(root, 'c.jsonl'))).warnings).toEqual([])
})
