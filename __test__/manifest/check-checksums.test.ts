import { createHash } from 'node:crypto'
import { rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { checkManifest } from '../../src/manifest/check.ts'
import { digestBytes } from '../../src/hash/bytes.ts'
import { hashTree } from '../../src/hash/tree.ts'
import { folderOf } from '../support/folder.ts'
import type { CheckOptions, ManifestCheck } from '../../src/manifest/check.ts'

function sha256(content: string): string {
  return createHash('sha256').update(content).digest('hex')
}

async function blake3(content: string): Promise<string> {
  return (await digestBytes(Buffer.from(content))).blake3?.hex ?? ''
}

function check(text: string | Uint8Array, root: string, options?: CheckOptions): Promise<ManifestCheck> {
  return checkManifest(typeof text === 'string' ? Buffer.from(text) : text, root, options)
}

test('each form of a line is read: plain, binary, one space, escaped, tagged, of OpenSSL', async () => {
  const names = [
    'plain',
    'two words',
    ' leading',
    '*star',
    'a) = b',
    'line\nend',
    'back\\slash',
    'cr\rx',
    '#x',
    'é',
  ]
  const root = folderOf(Object.fromEntries(names.map((name) => [name, name])))
  const escape = (name: string): string =>
    name.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r')
  const mark = (name: string): string => (/[\\\n\r]/.test(name) ? '\\' : '')
  const forms: ((name: string) => string)[] = [
    (name) => `${mark(name)}${sha256(name)}  ${escape(name)}`,
    (name) => `${mark(name)}${sha256(name)} *${escape(name)}`,
    (name) => `  ${mark(name)}${sha256(name).toUpperCase()}  ${escape(name)}`,
    (name) => `${mark(name)}SHA256 (${escape(name)}) = ${sha256(name)}`,
    (name) => `${mark(name)}SHA2-256(${escape(name)})= ${sha256(name)}`,
  ]
  for (const form of forms) {
    const text = names.map((name) => form(name)).join('\n')
    for (const ended of [text, `${text}\n`, `# a comment\n\n${text.replaceAll(/(?<!\r)\n/g, '\r\n')}\r\n`]) {
      const answer = await check(ended, root)
      expect(answer, ended).toMatchObject({ same: true, format: 'checksums', algorithm: 'sha256' })
      expect(answer.counts.same).toBe(names.length)
    }
  }
  expect((await check(`${sha256('plain')} plain`, root)).same).toBe(true)
})

test('both algorithms tagged, as lineaprint hash --algorithm both prints, are both checked', async () => {
  const root = folderOf({ a: '1', b: '2' })
  const lines = [
    `BLAKE3 (a) = ${await blake3('1')}`,
    `SHA256 (a) = ${sha256('1')}`,
    `BLAKE3 (b) = ${await blake3('2')}`,
    `SHA256 (b) = ${sha256('x')}`,
  ]
  expect(await check(lines.join('\n'), root)).toMatchObject({
    algorithm: 'both',
    changed: [{ path: 'b', detail: 'its content differs' }],
    counts: { entries: 2, same: 1 },
  })
})

test('what is changed, missing and unreadable is named; other files do not count', async () => {
  const root = folderOf({ a: '1', b: '2', other: '', 'folder/x': '' })
  const text = ['a', 'b', 'none', 'folder'].map((name) => `${sha256('1')}  ${name}`).join('\n')
  const answer = await check(`${text}\n${sha256('')}  -\n`, root, { algorithm: 'sha256' })
  expect(answer).toMatchObject({
    same: false,
    changed: [{ path: 'b' }],
    missing: [{ path: 'none' }],
    added: [],
    unreadable: [{ path: '-' }, { path: 'folder' }],
  })
  expect(answer.unreadable[0]?.detail).toMatch(/standard input/)
})

test('the algorithm of lines without a tag: as told, by the name of the file, else by trying', async () => {
  const root = folderOf({ a: '1', b: '2' })
  const [sha, blake] = [
    `${sha256('1')}  a\n${sha256('2')}  b\n`,
    `${await blake3('1')}  a\n${await blake3('2')}  b\n`,
  ]
  expect(await check(sha, root)).toMatchObject({ same: true, algorithm: 'sha256' })
  expect(await check(blake, root)).toMatchObject({ same: true, algorithm: 'blake3' })
  const told = await check(sha, root, { algorithm: 'blake3' })
  expect(told).toMatchObject({ same: false, algorithm: 'blake3', counts: { changed: 2 } })
  for (const name of ['SHA256SUMS', 'model.sha256', 'sha256sums.txt', 'B3SUMS', 'model.b3', 'x.blake3']) {
    const path = join(root, name)
    const isSha = name.toLowerCase().includes('sha256')
    writeFileSync(path, isSha ? sha : blake)
    expect((await checkManifest(path, root)).same, name).toBe(true)
    writeFileSync(path, isSha ? blake : sha)
    expect((await checkManifest(path, root)).counts.changed, name).toBe(2)
  }
  writeFileSync(join(root, 'b'), 'changed')
  expect(await check(sha, root)).toMatchObject({ algorithm: 'sha256', changed: [{ path: 'b' }] })
  expect(await check(blake, root)).toMatchObject({ algorithm: 'blake3', changed: [{ path: 'b' }] })
  writeFileSync(join(root, 'a'), 'changed too')
  const neither = await check(sha, root)
  expect(neither.algorithm).toBeUndefined()
  expect(neither.changed[0]?.detail).toBe('the digest is neither its BLAKE3 nor its SHA-256')
})

test('lines of two algorithms that do not say which are refused', async () => {
  const root = folderOf({ a: '1', b: '2' })
  const text = `${sha256('1')}  a\n${await blake3('2')}  b\n`
  await expect(check(text, root)).rejects.toThrow(/two algorithms .*BLAKE3 for "b" and SHA-256 for "a"/)
  expect((await check(text, root, { algorithm: 'sha256' })).changed).toMatchObject([{ path: 'b' }])
})

test('malformed lines are errors with their numbers, or counted where that is asked for', async () => {
  const root = folderOf({ a: '1' })
  const good = `${sha256('1')}  a`
  const bad = [
    'junk',
    `${sha256('1').slice(1)}  a`,
    sha256('1'),
    `${sha256('1')}  `,
    `\\${sha256('1')}  a\\q`,
    `\\${sha256('1')}  a\\`,
    `MD5 (a) = ${sha256('1').slice(32)}`,
    `SHA256 (a) = ${sha256('1').slice(1)}`,
    `weights.v1.blake3:${sha256('1')}  folder`,
    `${sha256('1')}  caf\ufffd`,
    `\u200b${good}`,
  ]
  for (const line of bad) {
    const text = `# comment\n${line}\n${good}\n`
    await expect(check(text, root), line).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_FORMAT' })
    await expect(check(text, root), line).rejects.toThrow(/one line is malformed: line 2: /)
    const lenient = await check(text, root, { lenient: true })
    expect(lenient, line).toMatchObject({ same: true, malformed: [{ line: 2 }] })
    await expect(check(line, root, { lenient: true })).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_FORMAT',
      received: expect.stringMatching(/^line 1: /) as string,
    })
  }
  const many = check(`${bad.join('\n')}\n${good}\n`, root)
  await expect(many).rejects.toThrow(/^11 lines are malformed: line 1: .*line 5: .*and 6 more/)
  await expect(check('', root)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_FORMAT', received: 'no lines' })
})

test('a file may stand only once, under any spelling of its path', async () => {
  const root = folderOf({ a: '1', 'd/b': '1' })
  for (const [one, other] of [
    ['a', 'a'],
    ['a', './a'],
    ['d/b', 'd//b'],
    ['./d/b', 'd/./b'],
  ]) {
    const text = `${sha256('1')}  ${one}\n${sha256('2')}  ${other}\n`
    await expect(check(text, root), text).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_FORMAT',
      field: one,
      message: expect.stringContaining('lines 1 and 2 ') as string,
    })
  }
})

test('names that lead out are refused without leave, and NUL always', async () => {
  const outside = folderOf({ secret: '1' })
  const root = folderOf({ 'sub/x': '' })
  const line = (name: string): string => `${sha256('1')}  ${name}`
  for (const name of [join(outside, 'secret'), '../secret', 'sub/../../secret', 'sub/..']) {
    const refused = check(line(name), root, { lenient: true })
    await expect(refused, name).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_FORMAT', field: name })
    await expect(check(line(name), root)).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_FORMAT',
      hint: expect.stringContaining('--allow-outside') as string,
    })
  }
  const allowed = await check(line(join(outside, 'secret')), root, { allowOutside: true })
  expect(allowed.same).toBe(true)
  const up = `${sha256('1')}  ../${outside.split('/').at(-1)}/secret`
  expect((await check(up, root, { allowOutside: true })).same).toBe(true)
  await expect(check(line('nul\0'), root, { allowOutside: true })).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_FORMAT',
    field: 'nul\0',
  })
})

test('names that collide are a warning: such folders exist', async () => {
  const root = folderOf({ a: '1', A: '1' })
  expect(await check(`${sha256('1')}  a\n${sha256('1')}  A\n`, root)).toMatchObject({
    same: true,
    warnings: [
      { kind: 'names-collide', path: 'a' },
      { kind: 'names-collide', path: 'A' },
    ],
  })
})

test('a name that is not UTF-8 is read, as sha256sum does', async () => {
  const root = folderOf()
  const name = Buffer.from([0x63, 0x61, 0x66, 0xe9])
  const path = Buffer.concat([Buffer.from(`${root}/`), name])
  writeFileSync(path, '1')
  const line = Buffer.concat([Buffer.from(`${sha256('1')}  `), name, Buffer.from('\n')])
  expect((await check(line, root)).same).toBe(true)
  writeFileSync(path, '2')
  expect((await check(line, root)).changed).toMatchObject([{ path: 'caf\ufffd', pathBytes: 'Y2Fm6Q==' }])
  rmSync(path)
  expect((await check(line, root)).missing).toHaveLength(1)
  symlinkSync('/dev/null', path)
  expect((await check(line, root)).unreadable).toMatchObject([{ detail: 'it is not a regular file' }])
})

test('lines of folders are checked as the command hashes folders', async () => {
  const root = folderOf({ 'd/a': '1', 'd/.lineaprintignore': 'b', 'd/b': '2', file: '3' })
  const tree = await hashTree(join(root, 'd'), { ignoreFiles: true })
  const digest = tree.digests.blake3?.toString() ?? ''
  const sums = `${await blake3('3')}  file\n${digest}  d\n${digest}  gone\n`
  expect(await check(sums, root)).toMatchObject({
    same: false,
    missing: [{ path: 'gone' }],
    counts: { entries: 3, same: 2, missing: 1 },
  })
  writeFileSync(join(root, 'd', 'b'), '4')
  expect(await check(`${digest}  d\n`, root)).toMatchObject({ same: true, algorithm: 'blake3' })
  writeFileSync(join(root, 'd', 'a'), '4')
  expect(await check(`${digest}  d\n`, root)).toMatchObject({ same: false, changed: [{ path: 'd' }] })
  // A folder that has become a file cannot be read as a folder.
  expect(await check(`${digest}  file\n`, root)).toMatchObject({
    same: false,
    unreadable: [{ path: 'file' }],
  })
  await expect(check(`${digest}  ../d\n`, join(root, 'd'))).rejects.toMatchObject({ field: '../d' })
})
