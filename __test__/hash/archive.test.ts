import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { hashArchive } from '../../src/hash/archive.ts'
import { hashTree } from '../../src/hash/tree.ts'
import { folderOf, paint } from '../support/folder.ts'
import { paxHeader, tarMember, tarOf, zipOf } from '../support/archives.ts'
import type { ArchiveHash } from '../../src/hash/archive.ts'

/** Hash bytes as an archive. */
function hashed(bytes: Uint8Array, name = 'a.tar'): Promise<ArchiveHash> {
  return hashArchive(join(folderOf({ [name]: bytes }), name), { algorithm: 'both', list: true })
}

const FILES = { 'a.txt': 'a', 'sub/b.bin': paint(3_000_000), 'sub/deep/empty': '', 'ü/ß': 'x' }

const TAR = tarOf(...Object.entries(FILES).map(([name, data]) => ({ name, data })))

test('every archive has the digest of a folder with the same files', async () => {
  const folder = await hashTree(folderOf(FILES), { algorithm: 'both' })
  const members = Object.entries(FILES).map(([name, data]) => ({ name, data }))
  const turned = tarOf(
    { name: './', type: '5' },
    ...members.toReversed().map(({ name, data }) => ({ name: `./${name}`, data })),
  )
  const archives = {
    tar: TAR,
    'tar in another order': turned,
    'tar of GNU': tarOf(...members.map((member) => ({ ...member, magic: 'ustar  \0' }))),
    'tar before ustar': tarOf(...members.map((member) => ({ ...member, magic: '', type: '\0' }))),
    'tar.gz': gzipSync(TAR),
    'tar.gz in two members': Buffer.concat([gzipSync(TAR.subarray(0, 700)), gzipSync(TAR.subarray(700))]),
    'tar.zst': zstdCompressSync(TAR),
    'zip, stored': zipOf(members),
    'zip, deflated': zipOf(members.map((member) => ({ ...member, deflated: true }))),
    'zip with folders': zipOf([{ name: 'sub/' }, ...members, { name: 'nothing/below/' }]),
  }
  for (const [name, bytes] of Object.entries(archives)) {
    const archive = await hashed(bytes)
    expect(archive.digests.blake3?.toString(), name).toBe(folder.digests.blake3.toString())
    expect(archive.digests.sha256?.toString(), name).toBe(folder.digests.sha256.toString())
    expect(archive, name).toMatchObject({
      files: 4,
      folders: 4,
      bytes: 3_000_002,
      archiveBytes: bytes.length,
    })
    expect(archive.entries?.map(({ path }) => path)).toEqual(['a.txt', 'sub/b.bin', 'sub/deep/empty', 'ü/ß'])
  }
})

test('modes, times and empty folders do not count, and bookkeeping is skipped', async () => {
  const plain = await hashed(tarOf({ name: 'a', data: '1' }))
  const more = await hashed(
    tarOf(
      { name: 'empty/', type: '5' },
      paxHeader({ mtime: '1.5', uid: '7', 'SCHILY.xattr.user.note': 'x' }),
      { name: 'a', data: '1' },
      { name: '.git/config', data: 'x' },
      { name: '.cache/huggingface/x', data: 'x' },
    ),
  )
  expect(more.digest.toString()).toBe(plain.digest.toString())
  expect(more.skipped).toEqual(['.cache/huggingface', '.git'])
})

test('long names of both kinds', async () => {
  const long = `${'d'.repeat(120)}/${'f'.repeat(130)}`
  const folder = await hashTree(folderOf({ [long]: 'x' }))
  const pax = await hashed(tarOf(paxHeader({ path: long }), { name: 'short', data: 'x' }))
  const gnu = await hashed(
    tarOf({ name: '././@LongLink', type: 'L', data: `${long}\0` }, { name: 'short', data: 'x' }),
  )
  expect(pax.digest.toString()).toBe(folder.digest.toString())
  expect(gnu.digest.toString()).toBe(folder.digest.toString())
})

test('links inside are followed, as in a folder', async () => {
  const root = folderOf({ 'a.txt': 'a', 'sub/b': 'b' })
  symlinkSync('../a.txt', join(root, 'sub/link'))
  symlinkSync('sub', join(root, 'other'))
  mkdirSync(join(root, 'x'))
  symlinkSync('../other/link', join(root, 'x/chain'))
  const folder = await hashTree(root)
  const tar = await hashed(
    tarOf(
      { name: 'x/chain', type: '2', link: '../other/link' },
      { name: 'other', type: '2', link: 'sub' },
      { name: 'a.txt', data: 'a' },
      { name: 'sub/b', data: 'b' },
      { name: 'sub/link', type: '1', link: 'a.txt' },
    ),
  )
  const zip = await hashed(
    zipOf([
      { name: 'a.txt', data: 'a' },
      { name: 'sub/b', data: 'b' },
      { name: 'sub/link', data: '../a.txt', mode: 0o120_777 },
      { name: 'other', data: 'sub', mode: 0o120_777 },
      { name: 'x/chain', data: '../other/link', mode: 0o120_777 },
    ]),
  )
  expect(tar.digest.toString()).toBe(folder.digest.toString())
  expect(zip.digest.toString()).toBe(folder.digest.toString())
})

const FORMAT = 'ERR_LINEAPRINT_FORMAT'
const LINK = 'ERR_LINEAPRINT_LINK'
const UNSUPPORTED = 'ERR_LINEAPRINT_UNSUPPORTED'

const file = { name: 'a', data: '1' }

test.each<readonly [name: string, bytes: Buffer, code: string, message: RegExp]>([
  [
    'a path that leaves the tar',
    tarOf({ name: '../x', data: '1' }),
    FORMAT,
    /"\.\.\/x" in the tar is no path below/,
  ],
  [
    'a path that leaves by pax',
    tarOf(paxHeader({ path: 'a/../../x' }), file),
    FORMAT,
    /no path below the root/,
  ],
  ['an absolute path', tarOf({ name: '/etc/x', data: '1' }), FORMAT, /"\/etc\/x" in the tar is absolute/],
  ['a path that leaves the zip', zipOf([{ name: '../x' }]), FORMAT, /no path below the root/],
  ['an absolute path in a zip', zipOf([{ name: '/x' }]), FORMAT, /no path below the root/],
  ['a drive in a zip', zipOf([{ name: 'c:x' }]), FORMAT, /no path below the root/],
  ['a backslash in a zip', zipOf([{ name: String.raw`a\b` }]), FORMAT, /has a backslash/],
  ['two files of one name', tarOf(file, file), FORMAT, /"a" of the tar is there a second time/],
  ['two names of one path', tarOf(file, { name: './/a' }), FORMAT, /"a" of the tar is there a second time/],
  ['two members of one name', zipOf([file, file]), FORMAT, /two members named "a"/],
  ['two paths of a zip that are one', zipOf([{ name: 'x/a' }, { name: 'x//a' }]), FORMAT, /second time/],
  [
    'a file below a file',
    tarOf(file, { name: 'a/b' }),
    FORMAT,
    /"a\/b" of the tar is a folder, or below one/,
  ],
  ['a file below a link', tarOf({ name: 'a', type: '2', link: '/etc' }, { name: 'a/b' }), FORMAT, /"a\/b"/],
  ['a link out', tarOf({ name: 'a', type: '2', link: '../x' }), LINK, /"a" of the tar is a link that leaves/],
  ['an absolute link', tarOf({ name: 'a', type: '2', link: '/etc/passwd' }), LINK, /"a" of the tar .*leaves/],
  [
    'a link out of a zip',
    zipOf([{ name: 'a', data: '/etc', mode: 0o120_777 }]),
    LINK,
    /"a" of the zip .*leaves/,
  ],
  ['a link to nothing', tarOf({ name: 'a', type: '2', link: 'b' }), LINK, /leads to no member/],
  ['a link to itself', tarOf({ name: 'a', type: '2', link: 'a' }), LINK, /leads to itself/],
  ['a link to its own folder', tarOf({ name: 'd/a', type: '2', link: '.' }), LINK, /a folder that it is in/],
  ['a hard link out', tarOf({ name: 'a', type: '1', link: '../x' }), FORMAT, /no path below the root/],
  [
    'a hard link to what comes later',
    tarOf({ name: 'b', type: '1', link: 'a' }, file),
    LINK,
    /not before it/,
  ],
  ['a device', tarOf({ name: 'a', type: '3' }), FORMAT, /"a" of the tar is a device/],
  ['a sparse file', tarOf({ name: 'a', type: 'S' }), UNSUPPORTED, /of a kind that is not read/],
  [
    'a sparse file of pax',
    tarOf(paxHeader({ 'GNU.sparse.major': '1' }), file),
    UNSUPPORTED,
    /a key that is not read/,
  ],
  [
    'two sizes in attributes',
    tarOf(paxHeader({ size: '1' }), paxHeader({ size: '2' }), file),
    FORMAT,
    /second time/,
  ],
  ['a size that is no number', tarOf(paxHeader({ size: '-1' }), file), FORMAT, /size that is no number/],
  [
    'a name for all members',
    tarOf(paxHeader({ path: 'x' }, 'g'), file),
    UNSUPPORTED,
    /give all members one name/,
  ],
  ['a size beyond the end', tarOf({ ...file, size: 10_000 }), FORMAT, /cut off at byte 2048/],
  [
    'a header of attributes that is huge',
    tarOf({ name: 'a', type: 'x', size: 2 ** 31 }),
    UNSUPPORTED,
    /too long/,
  ],
  ['a tar without its end', tarMember(file), FORMAT, /has no block of zeros at its end/],
  ['a tar cut off in a member', TAR.subarray(0, 2000), FORMAT, /cut off at byte 2000/],
  ['a tar cut off in a header', TAR.subarray(0, 1200), FORMAT, /cut off at byte 1200/],
  ['a second tar behind the end', Buffer.concat([TAR, TAR]), FORMAT, /bytes other than zero follow/],
  [
    'a damaged header',
    Buffer.concat([Buffer.from('x'), TAR.subarray(1)]),
    FORMAT,
    /does not have the checksum/,
  ],
  ['no archive', Buffer.from('text'), FORMAT, /no block of zeros/],
  ['a truncated gzip', gzipSync(TAR).subarray(0, -9), FORMAT, /the gzip data is truncated/],
  ['a gzip without its checksum', gzipSync(TAR).subarray(0, -8), FORMAT, /the gzip data is truncated/],
  ['a bad checksum of gzip', flipped(gzipSync(TAR), -8), FORMAT, /the gzip data is damaged/],
  ['a bad length of gzip', flipped(gzipSync(TAR), -4), FORMAT, /the gzip data is damaged/],
  ['text behind gzip', Buffer.concat([gzipSync(TAR), Buffer.from('tail')]), FORMAT, /the gzip data is/],
  ['a truncated zstd', zstdCompressSync(TAR).subarray(0, -5), FORMAT, /the zstd data is truncated/],
  ['a damaged zstd', flipped(zstdCompressSync(TAR), 9), FORMAT, /the (?:zstd data|header)/],
  [
    'a bad checksum in a zip',
    zipOf([{ ...file, crc: 1 }]),
    FORMAT,
    /"a" of the zip does not have the CRC-32/,
  ],
  ['a bad length in a zip', zipOf([{ ...file, deflated: true, length: 9 }]), FORMAT, /"a" .* to less than/],
  [
    'a length below that of the data',
    zipOf([{ name: 'a', data: 'abc', deflated: true, length: 1 }]),
    FORMAT,
    /to more than/,
  ],
  [
    'another name in the local header',
    zipOf([{ ...file, localName: 'b' }]),
    FORMAT,
    /another name in its local header/,
  ],
  ['members that overlap', zipOf([file, { name: 'b', data: '2' }], { at: -5 }), FORMAT, /overlaps/],
  ['an encrypted member', zipOf([{ ...file, flags: 0x801 }]), UNSUPPORTED, /is encrypted/],
  ['a name that is not marked as UTF-8', zipOf([{ name: 'ü', flags: 0 }]), FORMAT, /not marked as UTF-8/],
  [
    'a zip cut off',
    zipOf([file]).subarray(0, -1),
    FORMAT,
    /the zip has no end record, so it is not complete/,
  ],
  ['a path that is too long', tarOf(paxHeader({ path: 'a/'.repeat(3000) }), file), FORMAT, /is too long/],
])('%s is refused', async (_, bytes, code, message) => {
  await expect(hashed(bytes)).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message) as string,
    path: expect.stringMatching(/a\.tar$/) as string,
  })
})

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes)
  const index = at < 0 ? copy.length + at : at
  copy[index] = (copy[index] ?? 0) ^ 0xff
  return copy
}

test('links to folders cannot make an archive endless', async () => {
  // Each level holds two links to the one before: 2^30 files.
  const levels = Array.from({ length: 30 }, (_, level) => [
    { name: `${level + 1}/x`, type: '2', link: `../${level}` },
    { name: `${level + 1}/y`, type: '2', link: `../${level}` },
  ])
  await expect(hashed(tarOf({ name: '0/a', data: '1' }, ...levels.flat()))).rejects.toMatchObject({
    code: UNSUPPORTED,
    message: expect.stringMatching(/one of too many that links to folders add/) as string,
  })
})

test('archives that decompress to far more than people keep are refused', async () => {
  // The directory states the sum of the lengths, so nothing is decompressed.
  const many = ['1', '2'].map((name) => ({ name, data: name, deflated: true, length: 2 ** 30 }))
  await expect(hashed(zipOf(many))).rejects.toMatchObject({
    code: UNSUPPORTED,
    message: expect.stringMatching(/so many times its size/) as string,
  })
})

test('names that are not UTF-8 or collide are reported', async () => {
  const archive = await hashed(tarOf({ name: Buffer.from([0xff]) }, { name: 'A' }, { name: 'a' }))
  expect(archive.warnings.map(({ kind }) => kind).toSorted()).toEqual([
    'name-not-unicode',
    'names-collide',
    'names-collide',
  ])
})

test('samples are those of the members, and absent where a member is none', async () => {
  const pair = [
    { name: '1.txt', data: 'a' },
    { name: '1.cls', data: '0' },
  ]
  expect((await hashed(tarOf(...pair))).samples).toMatchObject({ records: 1 })
  expect((await hashed(tarOf(...pair, { name: 'README' }))).samples).toBeUndefined()
  expect((await hashed(tarOf(...pair, { name: '2.txt' }, { name: '1.png' }))).samples).toBeUndefined()
  expect((await hashed(zipOf(pair))).samples).toBeUndefined()
  expect((await hashed(tarOf())).samples).toBeUndefined()
})

test('a file that is not there and unknown options are errors', async () => {
  await expect(hashArchive('/nowhere/at/all.tar')).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_NOT_FOUND' })
  // @ts-expect-error no such option
  await expect(hashArchive('a.tar', { links: 'record' })).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_ARGUMENT',
  })
})

test('nothing is written beside the archive', async () => {
  const root = folderOf({ 'a.tar': TAR })
  const before = readFileSync(join(root, 'a.tar'))
  await hashArchive(join(root, 'a.tar'))
  writeFileSync(join(root, 'again'), '')
  expect((await hashTree(root)).files).toBe(2)
  expect(readFileSync(join(root, 'a.tar')).equals(before)).toBe(true)
})
