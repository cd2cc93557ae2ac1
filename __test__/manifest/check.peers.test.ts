/** The tools whose files we read write them here, for names of every kind. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkManifest } from '../../src/manifest/check.ts'
import { folderOf } from '../support/folder.ts'

const B3SUM = resolve('.peers/cargo/bin/b3sum')

/** Names that need escapes, or that a careless parser would misread. */
const NAMES = fc.uniqueArray(
  fc
    .array(
      fc.string({
        unit: fc.constantFrom(...Array.from('ab ()=*\\\n\r\t#é\u{1f600}-')),
        minLength: 1,
        maxLength: 6,
      }),
      {
        minLength: 1,
        maxLength: 2,
      },
    )
    .map((segments) => segments.join('/')),
  { minLength: 1, maxLength: 5 },
)

/** Files with these names, where they can stand side by side. */
function filesOf(names: readonly string[]): { root: string; made: string[] } {
  const root = folderOf()
  const made: string[] = []
  for (const name of names) {
    if (made.some((other) => other.startsWith(`${name}/`) || name.startsWith(`${other}/`))) continue
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), name)
    made.push(name)
  }
  // A name that is a dash would be standard input.
  return { root, made: made.map((name) => `./${name}`) }
}

test('what sha256sum writes for any names is checked, tagged or not', async () => {
  await fc.assert(
    fc.asyncProperty(NAMES, fc.boolean(), async (names, tagged) => {
      const { root, made } = filesOf(names)
      const output = execFileSync('sha256sum', [...(tagged ? ['--tag'] : []), '--', ...made], { cwd: root })
      expect(await checkManifest(output, root)).toMatchObject({ same: true, counts: { same: made.length } })
    }),
    { numRuns: 40 },
  )
})

test.skipIf(!existsSync(B3SUM))(
  'what b3sum writes for any names is checked, tagged or not (needs b3sum in .peers)',
  async () => {
    await fc.assert(
      fc.asyncProperty(NAMES, fc.boolean(), async (names, tagged) => {
        const { root, made } = filesOf(names)
        const output = execFileSync(B3SUM, [...(tagged ? ['--tag'] : []), '--', ...made], { cwd: root })
        expect(await checkManifest(output, root)).toMatchObject({ same: true, counts: { same: made.length } })
      }),
      { numRuns: 40 },
    )
  },
)
