import fc from 'fast-check'
import { expect, test } from 'vitest'
import { PatchFilter } from '../../src/secrets/patches.ts'

const TOKEN = `ghp_${'a1B2'.repeat(9)}`

function filter(patch: Buffer, cuts: readonly number[] = []): { text: string; filter: PatchFilter } {
  const passed = new PatchFilter()
  const ends = [...cuts.map((cut) => cut % (patch.length + 1)).toSorted((a, b) => a - b), patch.length]
  let start = 0
  const pieces = ends.map((end) => {
    const piece = passed.push(patch.subarray(start, end))
    start = end
    return piece
  })
  return { text: Buffer.concat([...pieces, passed.end()]).toString('latin1'), filter: passed }
}

const PATCH = `diff --git a/${TOKEN} b/${TOKEN}
index 1111111..2222222 100644
--- a/${TOKEN}
+++ b/${TOKEN}
@@ -1,2 +1,5 @@
 context ${TOKEN}
-removed ${TOKEN}
+added ${TOKEN} end
++++ b/${TOKEN}
+-----BEGIN PRIVATE KEY-----\r
+AAAA
\\ No newline at end of file
@@ -9 +9,3 @@
-last
+++ ${TOKEN}
+${TOKEN}
+plain
diff --git a/x b/x
`

test('added lines lose their secrets, all others stay, and the count of lines stays', () => {
  const { text, filter: passed } = filter(Buffer.from(PATCH, 'latin1'))
  expect(passed.redacted).toBe(6)
  expect(text.split('\n')).toHaveLength(PATCH.split('\n').length)
  expect(text).toBe(
    PATCH.replace(`+added ${TOKEN} end`, '+added <redacted> end')
      .replace(
        `++++ b/${TOKEN}\n+-----BEGIN PRIVATE KEY-----\r\n+AAAA\n`,
        '++++ b/<redacted>\n+<redacted>\r\n+<redacted>\n',
      )
      .replace(`+++ ${TOKEN}\n+${TOKEN}\n`, '+++ <redacted>\n+<redacted>\n'),
  )
})

test('a patch without secrets passes byte for byte, cut anywhere', () => {
  const line = fc.oneof(
    fc.constantFrom(
      '@@ -1,2 +1,2 @@',
      '+added',
      '-removed',
      ' context',
      '+++ b/x',
      '--- a/x',
      '',
      '\r',
      '\xff\xfe',
    ),
    fc.string({ unit: fc.constantFrom('+', '-', '@', ' ', 'a', '\xe9') }),
  )
  fc.assert(
    fc.property(fc.array(line), fc.array(fc.nat()), (lines, cuts) => {
      const patch = Buffer.from(lines.join('\n'), 'latin1')
      expect(filter(patch, cuts).text).toBe(patch.toString('latin1'))
    }),
  )
})

test('where the pieces are cut does not matter', () => {
  const patch = Buffer.from(PATCH, 'latin1')
  const whole = filter(patch).text
  fc.assert(
    fc.property(fc.array(fc.nat(patch.length)), (cuts) => {
      expect(filter(patch, cuts).text).toBe(whole)
    }),
  )
})

test('a line without end passes unread instead of filling the memory', () => {
  const passed = new PatchFilter()
  let size = passed.push(Buffer.from('@@ -0,0 +1 @@\n+')).length
  const piece = Buffer.alloc(1 << 20, 'a')
  for (let count = 0; count < 8; count++) size += passed.push(piece).length
  size += passed.push(Buffer.from('\n')).length + passed.end().length
  expect(size).toBe(16 + (8 << 20))
  expect(passed.unread).toBe(1)
})
