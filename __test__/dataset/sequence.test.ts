import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { readDataset } from '../../src/dataset/read.ts'
import { hashLines, hashRecords } from '../../src/dataset/sequence.ts'
import { folderOf } from '../support/folder.ts'
import { tarMember, tarOf } from '../support/archives.ts'
import type { TarMember } from '../support/archives.ts'
import { readCases } from '../vectors/support.ts'

const [, , TWO] = readCases('tfrecord.json') as readonly {
  readonly files: readonly { readonly base64: string }[]
}[]

/** A file with the records `a` and `b`, of 17 bytes each. */
const RECORDS = Buffer.from(TWO?.files[0]?.base64 ?? '', 'base64')

test('compressed lines equal plain ones', async () => {
  const lines = Array.from({ length: 70_000 }, (_, index) => `{"id":${index}}\n`).join('')
  const root = folderOf({
    'a.jsonl': lines,
    'a.jsonl.gz': gzipSync(lines),
    'a.jsonl.zst': zstdCompressSync(lines),
    'b/1.ndjson.gz': gzipSync(lines.slice(0, lines.indexOf('{"id":9}'))),
    'b/2.jsonl': lines.slice(lines.indexOf('{"id":9}')),
  })
  const plain = await hashLines(join(root, 'a.jsonl'))
  expect(plain.records).toBe(70_000)
  for (const name of ['a.jsonl.gz', 'a.jsonl.zst']) {
    const packed = await hashRecords(join(root, name))
    expect(packed.digest.toString(), name).toBe(plain.digest.toString())
  }
  const folder = await readDataset(join(root, 'b'))
  expect(folder.sequence).toMatchObject({ format: 'jsonl', records: 70_000, files: 2 })
  expect(folder.sequence?.digest.toString()).toBe(plain.digest.toString())
})

function changed(at: number): Buffer {
  const copy = Buffer.from(RECORDS)
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}

test.each<readonly [name: string, bytes: Buffer, message: RegExp]>([
  ['another length', changed(17), /record 1 at byte 17 has a length with another checksum/],
  ['another checksum of the length', changed(8), /record 0 at byte 0 has a length with another checksum/],
  ['another content', changed(12 + 17), /record 1 at byte 17 has another checksum/],
  ['another checksum', changed(33), /record 1 at byte 17 has another checksum/],
  ['a record that is cut off', RECORDS.subarray(0, 31), /record 1 at byte 17 is cut off/],
  ['a length that is cut off', RECORDS.subarray(0, 20), /record 1 at byte 17 is cut off/],
  ['text', Buffer.from('{"a":1}\n{"a":2}\n'), /record 0 at byte 0 has a length with another checksum/],
])('TFRecord with %s is refused', async (_, bytes, message) => {
  const path = join(folderOf({ 'a.tfrecord': bytes }), 'a.tfrecord')
  await expect(hashRecords(path)).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_FORMAT',
    path,
    message: expect.stringMatching(message) as string,
  })
  const report = await readDataset(path)
  expect(report.sequence).toBeUndefined()
  expect(report.warnings.join('\n')).toMatch(message)
})

test('shards of TFRecord are one sequence for each split, also where the number is behind the extension', async () => {
  const root = folderOf({
    'd-train.tfrecord-00000-of-00002': RECORDS,
    'd-train.tfrecord-00001-of-00002': RECORDS,
    'd-test.tfrecord-00000-of-00001': RECORDS,
    'dataset_info.txt': 'about',
  })
  const { splits } = await readDataset(root)
  expect(splits?.list).toMatchObject([
    { name: 'test', sequence: { format: 'tfrecord', records: 2, files: 1 } },
    { name: 'train', sequence: { records: 4, files: 2 } },
  ])
})

test('samples do not depend on the number of archives', async () => {
  const members = Array.from({ length: 66_000 }, (_, index) => [
    tarMember({ name: `${index}.txt`, data: `text ${index}` }),
    ...(index % 1000 === 0 ? [tarMember({ name: `${index}.cls`, data: 'x' })] : []),
  ])
  const tar = (start: number, end?: number): Buffer =>
    Buffer.concat([...members.slice(start, end).flat(), Buffer.alloc(1024)])
  const one = folderOf({ 's-0.tar': tar(0) })
  const several = folderOf({
    's-2.tar': tar(10, 65_000),
    's-10.tar.gz': gzipSync(tar(65_000)),
    's-1.tar': tar(0, 10),
    's-3.tar': tar(0, 0),
  })
  const [first, second] = [await readDataset(one), await readDataset(several)]
  expect(first.sequence).toMatchObject({ format: 'webdataset', records: 66_000, files: 1 })
  expect(second.sequence).toMatchObject({ records: 66_000, files: 4 })
  expect(second.sequence?.digest.toString()).toBe(first.sequence?.digest.toString())
  const alone = await readDataset(join(one, 's-0.tar'))
  expect(alone.sequence?.digest.toString()).toBe(first.sequence?.digest.toString())
})

test.each<readonly [name: string, members: readonly TarMember[], message: RegExp]>([
  [
    'a sample in two places',
    [{ name: '1.a' }, { name: '2.a' }, { name: '1.b' }],
    /"1\.b" of the tar is not next to/,
  ],
  ['a suffix twice', [{ name: '1.a' }, { name: './1.a' }], /two files with the suffix "a"/],
  [
    'a file without a suffix',
    [{ name: '1.a' }, { name: 'README' }],
    /"README" of the tar has no name of a sample/,
  ],
  ['a hidden file', [{ name: 'x/.hidden' }], /has no name of a sample/],
  ['a link', [{ name: '1.a' }, { name: '1.b', type: '2', link: '1.a' }], /is a link and no file of a sample/],
  ['a suffix that is not UTF-8', [{ name: Buffer.from([0x31, 0x2e, 0xff]) }], /suffix that is not UTF-8/],
])('%s has no sequence of samples', async (_, members, message) => {
  const root = folderOf({ 's.tar': tarOf(...members) })
  const report = await readDataset(root)
  expect(report.sequence).toBeUndefined()
  expect(report.warnings.join('\n')).toMatch(message)
})

test('files of several formats are no sequence', async () => {
  const report = await readDataset(folderOf({ 'a.jsonl': '1\n', 'b.tfrecord': RECORDS }))
  expect(report.sequence).toBeUndefined()
  expect(report.warnings.join('\n')).toMatch(/the files of the sequence have several formats/)
})
