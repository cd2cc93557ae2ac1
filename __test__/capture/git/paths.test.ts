import fc from 'fast-check'
import { expect, test } from 'vitest'
import { escapeBytes, gitPath, isContained, readPath, writePath } from '../../../src/capture/git/paths.ts'

/** The bytes that `escapeBytes` was given. */
function unescapeBytes(text: string): Buffer {
  const pieces = text.split(/(\\x[0-9a-f]{2}|\\\\)/)
  return Buffer.concat(
    pieces.map((piece) => {
      if (piece === '\\\\') return Buffer.from('\\')
      return piece.startsWith('\\x') ? Buffer.from(piece.slice(2), 'hex') : Buffer.from(piece)
    }),
  )
}

test('a path that is UTF-8 stays as it is, whatever is in it', () => {
  expect(writePath(gitPath(Buffer.from('a\\xff\nb "é'))).path).toBe('a\\xff\nb "é')
})

test('a path that is not UTF-8 is escaped and keeps its bytes', () => {
  const bytes = Buffer.from([0x61, 0xff, 0x5c, 0xc3, 0xa9, 0xc3])
  expect(writePath(gitPath(bytes))).toEqual({ path: 'a\\xff\\\\é\\xc3', pathBytes: '61ff5cc3a9c3' })
})

test('the escaped form gives the bytes back', () => {
  const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array))
  const nasty = fc
    .array(fc.constantFrom('\\', 'x', 'f', 'é', '\u{1f600}', '\xff', '\xc3', '\xed\xa0\x80'), {
      maxLength: 20,
    })
    .map((pieces) => Buffer.from(pieces.join(''), 'latin1'))
  fc.assert(
    fc.property(fc.oneof(bytes, nasty), (input) => {
      expect(unescapeBytes(escapeBytes(input))).toEqual(input)
      expect(escapeBytes(input).isWellFormed()).toBe(true)
      expect(readPath(writePath(gitPath(input))).bytes).toEqual(input)
    }),
    { numRuns: 1000 },
  )
})

test.each(['../a', 'a/../../b', '/etc/passwd', 'a//b', '.git/config', 'x/.git/y', ''])(
  '%s leads out',
  (path) => {
    expect(isContained(gitPath(Buffer.from(path)))).toBe(false)
  },
)

test.each(['a', 'a/b', '..a/b..', '.gitignore', '-n', 'a\\..\\b'])('%s stays within', (path) => {
  expect(isContained(gitPath(Buffer.from(path)))).toBe(true)
})
