import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { checkManifest } from '../../src/manifest/check.ts'
import { createManifest, formatManifest } from '../../src/manifest/manifest.ts'
import { folderOf } from '../support/folder.ts'
import type { ManifestCheck } from '../../src/manifest/check.ts'

function said({ changed, missing, added, unreadable }: ManifestCheck): string[] {
  return Object.entries({ changed, missing, added, unreadable }).flatMap(([kind, items]) =>
    items.map(({ path, detail }) => `${kind} ${path}: ${detail}`),
  )
}

test('each kind of change is named with what it is', async () => {
  const root = folderOf({ same: 's', size: '1', content: '1', gone: '1', 'folder/inner': '1' })
  const manifest = await createManifest(root)
  writeFileSync(join(root, 'size'), '12')
  writeFileSync(join(root, 'content'), '2')
  rmSync(join(root, 'gone'))
  rmSync(join(root, 'folder'), { recursive: true })
  writeFileSync(join(root, 'folder'), 'a file now')
  writeFileSync(join(root, 'new'), '')
  const check = await checkManifest(manifest, root)
  expect(said(check)).toEqual([
    'changed content: its content differs',
    'changed size: it had 1 bytes and has 2',
    'missing folder/inner: there is no such file',
    'missing gone: there is no such file',
    'added folder: the manifest does not list it',
    'added new: the manifest does not list it',
  ])
  expect(check.same).toBe(false)
  expect(check.counts).toEqual({
    entries: 5,
    tensors: 0,
    same: 1,
    changed: 2,
    missing: 2,
    added: 2,
    unreadable: 0,
  })
})

test('added files are a difference unless they are ignored', async () => {
  const root = folderOf({ a: '1' })
  const manifest = await createManifest(root)
  writeFileSync(join(root, 'b'), '')
  symlinkSync('nowhere', join(root, 'dangling'))
  execFileSync('mkfifo', [join(root, 'pipe')])
  expect((await checkManifest(manifest, root)).added.map(({ path }) => path)).toEqual([
    'b',
    'dangling',
    'pipe',
  ])
  expect(await checkManifest(manifest, root, { ignoreAdded: true })).toMatchObject({ same: true, added: [] })
})

test('patterns, link mode and skipped names of the manifest hold for the check', async () => {
  const root = folderOf({ a: '1', 'x.log': '1', '.git/HEAD': 'ref' })
  symlinkSync('a', join(root, 'link'))
  const manifest = await createManifest(root, { ignore: ['*.log'], links: 'record' })
  writeFileSync(join(root, 'x.log'), '2')
  writeFileSync(join(root, '.git/HEAD'), 'other')
  const check = await checkManifest(manifest, root)
  expect(check).toMatchObject({ same: true, ignore: ['*.log'] })
  rmSync(join(root, 'link'))
  symlinkSync('b', join(root, 'link'))
  expect(said(await checkManifest(manifest, root))).toEqual(['changed link: its target was "a" and is "b"'])
  rmSync(join(root, 'link'))
  writeFileSync(join(root, 'link'), '1')
  expect(said(await checkManifest(manifest, root))).toEqual(['changed link: was a link and is a file'])
})

test('under refuse, a link in place of a file is a change', async () => {
  const root = folderOf({ a: '1', b: '1' })
  const manifest = await createManifest(root, { links: 'refuse' })
  rmSync(join(root, 'a'))
  symlinkSync('b', join(root, 'a'))
  expect(said(await checkManifest(manifest, root))).toEqual([expect.stringMatching(/^changed a: .*link/)])
})

test('nothing outside the root is opened, also not through a folder that became a link', async () => {
  const outside = folderOf({ secret: '1' })
  const root = folderOf({ 'folder/secret': '1', z: '2' })
  const manifest = await createManifest(root, { links: 'record' })
  rmSync(join(root, 'folder'), { recursive: true })
  symlinkSync(outside, join(root, 'folder'))
  // The file behind the link has the content that the manifest demands, and still does not count.
  expect(said(await checkManifest(manifest, root))).toEqual([
    'missing folder/secret: there is no such file',
    'added folder: the manifest does not list it',
  ])
})

test('a link out of the folder is followed, or a difference where links are refused', async () => {
  const outside = folderOf({ secret: '1' })
  const root = folderOf({ a: '1', b: '2' })
  const manifest = await createManifest(root)
  rmSync(join(root, 'a'))
  symlinkSync(join(outside, 'secret'), join(root, 'a'))
  expect(await checkManifest(manifest, root)).toMatchObject({
    same: true,
    warnings: [{ kind: 'link-leaves-root', path: 'a' }],
  })
  const refused = await checkManifest(manifest, root, { refuseLinks: true })
  expect(said(refused)).toEqual([expect.stringMatching(/^changed a: .*symbolic link/)])
  const sums = checkManifest(Buffer.from('x'), root, { refuseLinks: true })
  await expect(sums).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_ARGUMENT', field: 'refuseLinks' })
})

// Reading it fails with an input or output error for everybody, root included.
const BROKEN = '/proc/self/mem'

test.skipIf(process.platform !== 'linux')(
  'a file that cannot be read is named and the others are checked',
  async () => {
    const root = folderOf({ a: '1', b: '2', c: '3' })
    const manifest = await createManifest(root)
    rmSync(join(root, 'a'))
    symlinkSync(BROKEN, join(root, 'a'))
    writeFileSync(join(root, 'b'), 'x')
    expect(said(await checkManifest(manifest, root))).toEqual([
      'changed b: its content differs',
      'unreadable a: cannot read it: input/output error',
    ])
    rmSync(join(root, 'a'))
    mkdirSync(join(root, 'new'))
    symlinkSync(BROKEN, join(root, 'new/[x]*'))
    expect(said(await checkManifest(manifest, root))).toEqual([
      'changed b: its content differs',
      'missing a: there is no such file',
      'unreadable new/[x]*: cannot read it: input/output error',
    ])
  },
)

test.skipIf(process.getuid?.() === 0)(
  'a folder that may not be entered hides its files and no others (root may enter all)',
  async () => {
    const root = folderOf({ 'closed/a': '1', 'closed/b': '2', open: '3' })
    const manifest = await createManifest(root)
    chmodSync(join(root, 'closed'), 0)
    const check = await checkManifest(manifest, root).finally(() => chmodSync(join(root, 'closed'), 0o700))
    expect(check.unreadable.map(({ path }) => path)).toEqual(['closed/a', 'closed/b'])
  },
)

test('many listed links that lead nowhere cost two passes', async () => {
  const names = Array.from({ length: 200 }, (_, index) => `f${index}`)
  const blobs = folderOf(Object.fromEntries(names.map((name) => [name, name])))
  const root = folderOf({ kept: '' })
  for (const name of names) symlinkSync(join(blobs, name), join(root, name))
  const manifest = await createManifest(root)
  rmSync(blobs, { recursive: true })
  const check = await checkManifest(manifest, root)
  expect(check.counts).toMatchObject({ changed: 200, same: 1 })
  expect(check.changed[0]?.detail).toBe('broken symbolic link')
  for (const name of names) {
    rmSync(join(root, name))
    symlinkSync('nowhere', join(root, `new-${name}`))
  }
  await expect(checkManifest(manifest, root)).rejects.toMatchObject({
    path: root,
    expected: expect.stringMatching(/^at most \d+/) as string,
  })
})

test('the manifest is found by its path, its bytes or itself, and is no part of its folder', async () => {
  const root = folderOf({ a: '1', 'sub/b': '2' })
  const manifest = await createManifest(root)
  const text = formatManifest(manifest)
  for (const at of ['m.json', 'sub/m [1].json']) {
    const path = join(root, at)
    writeFileSync(path, text)
    expect(await checkManifest(path, root), at).toMatchObject({ same: true, counts: { entries: 2 } })
    rmSync(path)
  }
  writeFileSync(join(root, 'm.json'), text)
  expect((await checkManifest(join(root, 'm.json'))).same).toBe(true)
  expect((await checkManifest(Buffer.from(text), root)).added).toHaveLength(1)
  rmSync(join(root, 'm.json'))
  expect((await checkManifest(JSON.parse(text) as typeof manifest, root)).same).toBe(true)
})

test('a manifest or root that is not there, and options of the other kind, are errors', async () => {
  const root = folderOf({ a: '1' })
  const manifest = await createManifest(root)
  const failing: [() => Promise<unknown>, string][] = [
    [() => checkManifest(join(root, 'none')), 'ERR_LINEAPRINT_NOT_FOUND'],
    [() => checkManifest(root), 'ERR_LINEAPRINT_UNREADABLE'],
    [() => checkManifest(manifest, join(root, 'none')), 'ERR_LINEAPRINT_NOT_FOUND'],
    [() => checkManifest(manifest, join(root, 'a')), 'ERR_LINEAPRINT_NOT_REGULAR'],
    [() => checkManifest(manifest, ''), 'ERR_LINEAPRINT_ARGUMENT'],
    [() => checkManifest(manifest, root, { algorithm: 'sha256' }), 'ERR_LINEAPRINT_ARGUMENT'],
    [() => checkManifest(manifest, root, { allowOutside: true }), 'ERR_LINEAPRINT_ARGUMENT'],
    // @ts-expect-error an unknown option
    [() => checkManifest(manifest, root, { added: true }), 'ERR_LINEAPRINT_ARGUMENT'],
    [() => checkManifest(Buffer.from('nonsense'), root), 'ERR_LINEAPRINT_FORMAT'],
  ]
  for (const [call, code] of failing) await expect(call()).rejects.toMatchObject({ code })
})

test('a signal stops a check', async () => {
  const root = folderOf({ a: '1' })
  const reason = new Error('enough')
  const signal = AbortSignal.abort(reason)
  await expect(createManifest(root, { signal })).rejects.toBe(reason)
  await expect(checkManifest(await createManifest(root), root, { signal })).rejects.toBe(reason)
})

test('the manifest of a file with an edited size is refused, and does not call the file changed', async () => {
  const root = folderOf({ 'f.bin': 'content' })
  const manifest = JSON.parse(formatManifest(await createManifest(join(root, 'f.bin')))) as {
    entries: { size: number }[]
  }
  const [entry] = manifest.entries
  if (entry === undefined) throw new Error('one entry')
  entry.size++
  await expect(
    checkManifest(Buffer.from(JSON.stringify(manifest)), join(root, 'f.bin')),
  ).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_FORMAT',
    field: 'size',
    received: '8 bytes',
  })
})
