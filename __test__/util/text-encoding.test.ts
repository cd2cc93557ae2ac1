import { expect, test } from 'vitest'
import { LineaprintError } from '../../src/core/errors.ts'
import { decodeText, withoutByteOrderMark } from '../../src/util/text-encoding.ts'

const TEXT = 'first line\nzwölf € 𝄞\n'

/** Text in a form of UTF-16 or UTF-32, with a byte order mark if asked. */
function encode(text: string, width: 2 | 4, order: 'LE' | 'BE', mark: boolean): Uint8Array {
  const units =
    width === 2
      ? text.split('').map((unit) => unit.charCodeAt(0))
      : Array.from(text, (character) => character.codePointAt(0) ?? 0)
  const all = mark ? [0xfeff, ...units] : units
  const bytes = Buffer.alloc(all.length * width)
  for (const [index, unit] of all.entries()) {
    if (order === 'LE') bytes.writeUIntLE(unit, index * width, width)
    else bytes.writeUIntBE(unit, index * width, width)
  }
  return bytes
}

function refusal(bytes: Uint8Array): LineaprintError {
  try {
    decodeText(bytes, 'notes.txt')
  } catch (error) {
    if (LineaprintError.is(error)) return error
  }
  throw new Error('it was decoded')
}

test('the byte order mark of UTF-8 is dropped, once', () => {
  const bytes = Buffer.from(`\ufeff${TEXT}`)
  expect(decodeText(bytes)).toBe(TEXT)
  expect(decodeText(Buffer.from(`\ufeff\ufeffa`))).toBe('\ufeffa')
  expect(Buffer.from(withoutByteOrderMark(bytes)).toString()).toBe(TEXT)
})

test('text without a mark is returned as it is', () => {
  const bytes = Buffer.from(TEXT)
  expect(withoutByteOrderMark(bytes)).toBe(bytes)
  expect(decodeText(new Uint8Array())).toBe('')
  expect(decodeText(Buffer.from('ab'))).toBe('ab')
  // Bytes that are no text are not taken for UTF-16.
  expect(withoutByteOrderMark(new Uint8Array(64))).toHaveLength(64)
})

test.each([
  [2, 'LE', true, 'UTF-16'],
  [2, 'BE', true, 'UTF-16'],
  [2, 'LE', false, 'UTF-16LE'],
  [2, 'BE', false, 'UTF-16BE'],
  [4, 'LE', true, 'UTF-32'],
  [4, 'BE', true, 'UTF-32'],
] as const)('%i bytes a unit, %s, with a mark: %s, is named %s', (width, order, mark, name) => {
  const error = refusal(encode('{"a": 1, "b": "two"}', width, order, mark))
  expect(error).toMatchObject({ code: 'ERR_LINEAPRINT_FORMAT', path: 'notes.txt', received: name })
  expect(error.message).toContain(`iconv -f ${name} `)
})

test('bytes that are not UTF-8 are refused', () => {
  expect(refusal(Buffer.from([0x61, 0xff, 0x62])).code).toBe('ERR_LINEAPRINT_FORMAT')
})
