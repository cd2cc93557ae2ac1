import fc from 'fast-check'
import { expect, test } from 'vitest'
import { PatchFilter, pathOfHeader } from '../../src/secrets/patches.ts'

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

test('a line of any length is read in parts, and a secret in it is replaced', () => {
  const passed = new PatchFilter()
  const pieces = [passed.push(Buffer.from('diff --git a/x b/x\n@@ -0,0 +1 @@\n+'))]
  const piece = Buffer.alloc(1 << 20, 'a ')
  for (let count = 0; count < 8; count++)
    pieces.push(
      passed.push(count === 3 ? Buffer.from(TOKEN.slice(0, 9)) : piece),
      passed.push(Buffer.from(count === 3 ? `${TOKEN.slice(9)} ` : '')),
    )
  pieces.push(passed.push(Buffer.from('\n')), passed.end())
  const text = Buffer.concat(pieces).toString('latin1')
  expect(text.length).toBe(34 + 7 * (1 << 20) + '<redacted> '.length + 1)
  expect(text).not.toContain(TOKEN)
  expect(passed.redacted).toBe(1)
  expect([...passed.redactedFiles]).toEqual(['x'])
})

test('a secret in a name, a removed line or the context makes the patch of the file unusable', () => {
  for (const patch of [
    `diff --git a/${TOKEN} b/${TOKEN}\n`,
    `diff --git a/f b/f\n@@ -1 +0,0 @@\n-${TOKEN}\n`,
    `diff --git a/f b/f\n@@ -1 +1 @@\n ${TOKEN}\n`,
    `diff --git a/f b/f\n@@ -1 +1 @@ def ${TOKEN}()\n-a\n+b\n`,
    `diff --git "a/f\\303\\251" "b/f\\303\\251"\n@@ -1 +1 @@\n ${TOKEN}\n`,
  ]) {
    const { text, filter: passed } = filter(Buffer.from(patch))
    expect(text).toBe(patch)
    expect(passed.redacted).toBe(0)
    expect([...passed.unusableFiles]).toHaveLength(1)
  }
  expect([
    ...filter(Buffer.from('diff --git a/f b/f\nliteral 90\nzcmV+sk-1aAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n'))
      .filter.unusableFiles,
  ]).toEqual([])
})

test.each([
  ['diff --git a/x y b/x y\n', 'x y'],
  ['diff --git a/b b/b b/b b/b\n', 'b b/b'],
  ['diff --git "a/q\\"\\t\\303\\251" "b/q\\"\\t\\303\\251"\n', 'q"\t\u00c3\u00a9'],
])('the path of %s', (line, path) => {
  expect(pathOfHeader(line)).toBe(path)
})

test('program text is left alone, and passwords in addresses are not', () => {
  const added = (line: string): string =>
    filter(Buffer.from(`diff --git a/f b/f\n@@ -0,0 +1 @@\n+${line}\n`))
      .text.split('\n+')[1]
      ?.trimEnd() ?? ''
  for (const line of [
    'password = ask()',
    "api_key: str = 'x'",
    'git clone git@github.com:a/b.git ssh://git@github.com/a',
    "f'postgres://{user}:{password}@{host}/db'",
    'url="postgres://${USER}:${PASSWORD}@h"',
    '"postgres://%s:%s@%s" % parts',
  ])
    expect(added(line)).toBe(line)
  expect(added('DB=postgres://u:pw@h/x')).toBe('DB=postgres://<redacted>@h/x')
  expect(added('index https://a7b3c9d2e5f8a1b4c7d0@h/x')).toBe('index https://<redacted>@h/x')
})
