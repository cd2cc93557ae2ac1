import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { checkManifest } from '../../src/manifest/check.ts'
import { createManifest, formatManifest, parseManifest } from '../../src/manifest/manifest.ts'
import { hashTree } from '../../src/hash/tree.ts'
import { folderOf } from '../support/folder.ts'

test('the text is fixed to the byte', async () => {
  const root = folderOf({ 'b/c': 'y', 'b-c': 'xyz', 'left.log': '' })
  symlinkSync('b-c', join(root, 'link'))
  const manifest = await createManifest(root, { ignore: ['*.log'], links: 'record' })
  expect(formatManifest(manifest)).toBe(`{
  "schema": "lineaprint/manifest/v1",
  "type": "folder",
  "algorithm": "blake3",
  "links": "record",
  "ignore": ["*.log"],
  "includeSkipped": false,
  "digests": {"blake3":"tree.v1.blake3:b97984249165cdc45b5bc30a6000ab47434777ecf7fbe452ea14b1be18236e58"},
  "warnings": [],
  "entries": [
    {"path":"b-c","type":"file","size":3,"digests":{"blake3":"blake3:f006b5ee4890b66656cf6c23998e25196a163644665dc9d4b47da1fca3037023"}},
    {"path":"b/c","type":"file","size":1,"digests":{"blake3":"blake3:08112a9e334ce73042b531c25668cf5cb12a1ee040a4326afeac065461079a06"}},
    {"path":"link","type":"link","size":0,"digests":{},"target":"b-c"}
  ]
}
`)
})

test('the example of the documentation is real', async () => {
  const root = folderOf({ 'hello.txt': 'hello\n', 'run/config.json': '{"lr":0.1}', 'run/a.log': 'x' })
  const text = formatManifest(await createManifest(root, { ignore: ['*.log', '/manifest.json'] }))
  const page = readFileSync(resolve('docs/manifest.md'), 'utf8')
  const example = /```json\n(.*?)```/s.exec(page)?.[1]
  expect(example).toBe(text)
})

test('equal content gives equal bytes, whatever the order of writing, the times, the place and the threads', async () => {
  const [one, other] = [folderOf({ a: '1', 'sub/b': '2' }), folderOf({ 'sub/b': '2', a: '1' })]
  execFileSync('touch', ['-d', '2001-01-01', join(one, 'a')])
  mkdirSync(join(other, 'empty/folder'), { recursive: true })
  const texts = [
    formatManifest(await createManifest(one, { algorithm: 'both', threads: 1 })),
    formatManifest(await createManifest(`${other}/`, { algorithm: 'both', threads: 3 })),
  ]
  expect(texts[0]).toBe(texts[1])
  expect(texts[0]).not.toContain(one)
})

test('a folder of links has the manifest of its materialised copy', async () => {
  const files = { 'a.bin': '1', 'sub/b.bin': '2' }
  const copy = folderOf(files)
  const blobs = folderOf(files)
  const links = folderOf()
  symlinkSync(join(blobs, 'a.bin'), join(links, 'a.bin'))
  symlinkSync(join(blobs, 'sub'), join(links, 'sub'))
  const [ofCopy, ofLinks] = [await createManifest(copy), await createManifest(links)]
  expect(ofLinks.warnings.map(({ kind }) => kind)).toEqual(['link-leaves-root', 'link-leaves-root'])
  expect(formatManifest(ofLinks)).toBe(formatManifest(ofCopy))
  expect((await checkManifest(ofCopy, links)).same).toBe(true)
})

test('the root digest is that of hashTree, with either algorithm or both', async () => {
  const root = folderOf({ x: '1', 'y/z': '2', '.git/HEAD': 'ref' })
  for (const algorithm of ['blake3', 'sha256', 'both'] as const) {
    const manifest = await createManifest(root, { algorithm })
    expect(manifest.digests).toEqual((await hashTree(root, { algorithm })).digests)
    expect(manifest.entries.map(({ path }) => path)).toEqual(['x', 'y/z'])
    expect(parseManifest(formatManifest(manifest))).toEqual(manifest)
  }
  const whole = await createManifest(root, { includeSkipped: true })
  expect(whole.entries.map(({ path }) => path)).toEqual(['.git/HEAD', 'x', 'y/z'])
  expect((await checkManifest(whole, root)).same).toBe(true)
})

test('names and targets that are not UTF-8 keep their bytes', async () => {
  const root = folderOf({ plain: '' })
  const raw = Buffer.from([0x63, 0x61, 0x66, 0xe9])
  writeFileSync(Buffer.concat([Buffer.from(`${root}/`), raw]), 'latin')
  symlinkSync(raw, join(root, 'link'))
  const manifest = await createManifest(root, { links: 'record' })
  expect(manifest.entries[0]).toMatchObject({ path: 'caf\ufffd', pathBytes: raw.toString('base64') })
  expect(manifest.entries[1]).toMatchObject({ target: 'caf\ufffd', targetBytes: raw.toString('base64') })
  expect(manifest.warnings).toEqual([{ kind: 'name-not-unicode', path: 'caf\ufffd' }])
  expect(parseManifest(formatManifest(manifest))).toEqual(manifest)
  expect((await checkManifest(manifest, root)).same).toBe(true)
  writeFileSync(Buffer.concat([Buffer.from(`${root}/`), raw]), 'other')
  expect((await checkManifest(manifest, root)).changed).toEqual([
    { path: 'caf\ufffd', pathBytes: raw.toString('base64'), detail: 'its content differs' },
  ])
})

test('names that collide elsewhere are a warning here, and the manifest can be checked', async () => {
  const root = folderOf({ 'Data/x': '1', 'data/x': '2', 'caf\u00e9': '3', 'cafe\u0301': '4' })
  const manifest = await createManifest(root)
  expect(new Set(manifest.warnings.map(({ path }) => path))).toEqual(
    new Set(['Data', 'data', 'caf\u00e9', 'cafe\u0301']),
  )
  expect((await checkManifest(formatBytes(manifest), root)).same).toBe(true)
})

test('the manifest of a file has its plain digest, and the name of the file does not matter', async () => {
  const root = folderOf({ 'a.bin': 'abc', 'b.bin': 'abc', 'c.bin': 'abd' })
  const manifest = await createManifest(join(root, 'a.bin'), { algorithm: 'sha256' })
  expect(manifest).toMatchObject({ type: 'file', entries: [{ path: 'a.bin', size: 3 }] })
  expect(String(manifest.digests.sha256)).toMatch(/^sha256:ba7816bf/)
  expect((await checkManifest(manifest, root)).same).toBe(true)
  expect((await checkManifest(manifest, join(root, 'b.bin'))).same).toBe(true)
  expect(await checkManifest(manifest, join(root, 'c.bin'))).toMatchObject({
    same: false,
    changed: [{ path: 'a.bin', detail: 'its content differs' }],
  })
  expect((await checkManifest(manifest, folderOf())).missing).toHaveLength(1)
  expect(parseManifest(formatManifest(manifest))).toEqual(manifest)
})

test('an empty folder has a manifest; what is no folder or file has none', async () => {
  const root = folderOf()
  const empty = await createManifest(root)
  expect(empty.entries).toEqual([])
  expect(empty.digests.blake3?.toString()).toBe(
    'tree.v1.blake3:9cebc9360aa2a57c788e52e452972b82f4f67b2ac1be723b2863ddae3c37bc43',
  )
  expect((await checkManifest(formatBytes(empty), root)).same).toBe(true)
  await expect(createManifest(join(root, 'none'))).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_NOT_FOUND' })
  execFileSync('mkfifo', [join(root, 'pipe')])
  await expect(createManifest(join(root, 'pipe'))).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_NOT_REGULAR',
  })
  // @ts-expect-error an unknown option
  await expect(createManifest(root, { tensor: true })).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_ARGUMENT',
    field: 'tensor',
    hint: expect.stringContaining('tensors') as string,
  })
})

function formatBytes(manifest: Awaited<ReturnType<typeof createManifest>>): Uint8Array {
  return Buffer.from(formatManifest(manifest))
}
