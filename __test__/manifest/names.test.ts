import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { folded, literalPattern, namedOf, problemOf } from '../../src/manifest/names.ts'
import { hashTree } from '../../src/hash/tree.ts'
import { folderOf } from '../support/folder.ts'

const SEGMENT = fc
  .string({
    unit: fc.constantFrom(...Array.from('ab*?[]{}!#\\^-,. \t\n\u00a0\u3000\u0085é')),
    minLength: 1,
    maxLength: 6,
  })
  .filter((name) => name !== '.' && name !== '..')

test('a literal pattern leaves out its entry and nothing else', async () => {
  const paths = fc.uniqueArray(fc.array(SEGMENT, { minLength: 1, maxLength: 2 }), {
    minLength: 2,
    maxLength: 6,
    selector: ([first]) => first,
  })
  await fc.assert(
    fc.asyncProperty(paths, async (segments) => {
      const root = folderOf()
      const names = segments.map((path) => path.join('/'))
      for (const name of names) {
        mkdirSync(dirname(join(root, name)), { recursive: true })
        writeFileSync(join(root, name), '')
      }
      const [left, ...others] = names
      const tree = await hashTree(root, { ignore: [literalPattern(left ?? '')], list: true })
      const listed = tree.entries?.map(({ path }) => path) ?? []
      expect(new Set(listed)).toEqual(new Set(others))
    }),
    { numRuns: 150 },
  )
})

test('bytes are text where text holds them', () => {
  expect(namedOf(Buffer.from('é\ufffd'))).toEqual({ path: 'é\ufffd' })
  expect(namedOf(Uint8Array.of(0x61, 0xff))).toEqual({ path: 'a\ufffd', pathBytes: 'Yf8=' })
})

test('paths that lead elsewhere are no entries', () => {
  for (const path of ['', '/', '/etc', 'a/', 'a//b', '.', './a', 'a/.', '..', '../a', 'a/../b', 'a\0'])
    expect(problemOf(path), JSON.stringify(path)).toMatch(/^the path /)
  for (const path of ['a', '...', '..a', 'a/..b', 'a b/c\\d', '-', 'a\n'])
    expect(problemOf(path), JSON.stringify(path)).toBeUndefined()
})

test('folding is that of the engine', () => {
  expect(folded('README')).toBe(folded('readme'))
  expect(folded('ΟΔΟΣ')).toBe(folded('οδοσ'))
  expect(folded('CAFE\u0301')).toBe(folded('caf\u00e9'))
  expect(folded('ß')).not.toBe(folded('ss'))
})
