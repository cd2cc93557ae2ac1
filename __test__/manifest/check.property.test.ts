/** Small trees of any shape: a manifest of one finds exactly the one thing that was changed. */
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkManifest } from '../../src/manifest/check.ts'
import { createManifest, formatManifest, parseManifest } from '../../src/manifest/manifest.ts'
import { folderOf } from '../support/folder.ts'
import { rounds } from '../support/random.ts'

const NAME = fc
  .string({
    unit: fc.constantFrom(...Array.from('abAB.-_ \n\\é\u0301\u{1f600}[*')),
    minLength: 1,
    maxLength: 4,
  })
  .filter((name) => name !== '.' && name !== '..')

/** Paths no one of which is a folder of another. */
const PATHS = fc
  .uniqueArray(fc.array(NAME, { minLength: 1, maxLength: 4 }), {
    minLength: 1,
    maxLength: 8,
    selector: (path) => path.join('/'),
  })
  .map((paths) => paths.map((path) => path.join('/')))
  .filter((paths) => paths.every((one) => paths.every((other) => !other.startsWith(`${one}/`))))

const TREE = fc.record({
  paths: PATHS,
  contents: fc.infiniteStream(fc.uint8Array({ maxLength: 40 })),
  links: fc.constantFrom<'follow' | 'record'>('follow', 'record'),
  algorithm: fc.constantFrom<'blake3' | 'sha256' | 'both'>('blake3', 'sha256', 'both'),
})

const CHANGE = fc.constantFrom('flip', 'grow', 'remove', 'add', 'link', 'nothing')

test('one change is found and named, and nothing else is', async () => {
  await fc.assert(
    fc.asyncProperty(TREE, CHANGE, fc.nat(), async ({ paths, contents, links, algorithm }, change, pick) => {
      const root = folderOf()
      for (const path of paths) {
        mkdirSync(dirname(join(root, path)), { recursive: true })
        writeFileSync(join(root, path), contents.next().value)
      }
      const manifest = await createManifest(root, { links, algorithm })
      const text = formatManifest(manifest)
      expect(parseManifest(text)).toEqual(manifest)
      expect((await checkManifest(Buffer.from(text), root)).same).toBe(true)
      const target = paths[pick % paths.length] ?? ''
      const expected = apply(change, root, target, paths, links)
      const check = await checkManifest(Buffer.from(text), root)
      const said = Object.fromEntries(
        (['changed', 'missing', 'added', 'unreadable'] as const).map((kind) => [
          kind,
          check[kind].map(({ path }) => path),
        ]),
      )
      expect(said).toEqual({ changed: [], missing: [], added: [], unreadable: [], ...expected })
      expect(check.same).toBe(change === 'nothing')
      expect(check.counts.same).toBe(paths.length - (change === 'add' || change === 'nothing' ? 0 : 1))
    }),
    { numRuns: rounds(30) },
  )
})

/** Makes the change and says what a check must find. */
function apply(
  change: string,
  root: string,
  target: string,
  paths: readonly string[],
  links: 'follow' | 'record',
): Partial<Record<'changed' | 'missing' | 'added', string[]>> {
  const path = join(root, target)
  if (change === 'flip' || change === 'grow') {
    const content = readFileSync(path)
    const flipped = content.map((byte, index) => (index === 0 ? byte ^ 1 : byte))
    writeFileSync(
      path,
      change === 'grow' || content.length === 0 ? Buffer.concat([content, content, Buffer.of(1)]) : flipped,
    )
    return { changed: [target] }
  }
  if (change === 'remove') {
    rmSync(path)
    return { missing: [target] }
  }
  if (change === 'link') {
    // Under follow, a link to other content; under record, any link is one where a file was.
    const elsewhere = folderOf({ content: Buffer.concat([readFileSync(path), Buffer.of(1)]) })
    rmSync(path)
    symlinkSync(links === 'follow' ? join(elsewhere, 'content') : 'anything', path)
    return { changed: [target] }
  }
  if (change === 'add') {
    const added = paths.includes('zz') ? 'zzz' : 'zz'
    writeFileSync(join(root, added), '')
    return { added: [added] }
  }
  return {}
}
