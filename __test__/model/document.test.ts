import fc from 'fast-check'
import { expect, test } from 'vitest'
import { canonicalBytes, canonicalJson } from '../../src/json/canonical.ts'
import { canonicalDocument } from '../../src/model/document.ts'
import { parseJson } from '../../src/json/parse.ts'
import { native } from '../../src/native/load.ts'
import { readCases } from '../vectors/support.ts'
import { rounds } from '../support/random.ts'

/** What the slow path makes of a document; nothing if it refuses it. */
function slow(bytes: Uint8Array): string | undefined {
  try {
    return Buffer.from(canonicalBytes(parseJson(bytes).value)).toString()
  } catch {
    return undefined
  }
}

/** The same of the addon alone. */
function fast(bytes: Uint8Array): string | undefined {
  const canonical = native.canonicalDocument(bytes)
  return canonical === null || canonical === undefined ? undefined : Buffer.from(canonical).toString()
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

test('the vectors', () => {
  const cases = readCases('canonical-json.json') as readonly { text?: string; canonical?: string }[]
  const texts = cases.flatMap(({ text, canonical }) => (text === undefined ? [] : [{ text, canonical }]))
  expect(texts.length).toBeGreaterThan(10)
  for (const { text, canonical } of texts) expect(fast(bytesOf(text)), text).toBe(canonical)
})

test('any document becomes what the slow path makes of it', () => {
  fc.assert(
    fc.property(fc.json({ noUnicodeString: false, maxDepth: 6 }), fc.boolean(), (text, pretty) => {
      const written = pretty ? JSON.stringify(JSON.parse(text), undefined, 2) : text
      expect(fast(bytesOf(written))).toBe(slow(bytesOf(written)))
    }),
    { numRuns: rounds(500) },
  )
})

test('any double is written as JavaScript writes it', () => {
  // All bits, so that every exponent comes up, and decimal ties, of which the even one is written.
  const bits = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }).map((word) => {
    const bytes = Buffer.alloc(8)
    bytes.writeBigUInt64BE(word)
    return bytes.readDoubleBE()
  })
  const quarters = fc.integer({ min: 2 ** 50, max: 2 ** 53 }).map((number) => number / 4)
  fc.assert(
    fc.property(fc.oneof(bits, quarters, fc.double(), fc.integer()), fc.nat(40), (number, digits) => {
      fc.pre(Number.isFinite(number))
      for (const text of [
        String(number),
        number.toExponential(Math.min(digits, 100)),
        number.toFixed(digits),
      ]) {
        // Fewer digits can round it up to beyond a double.
        const written = Number.isFinite(Number(text)) ? canonicalJson(Number(text)) : undefined
        expect(fast(bytesOf(text)), text).toBe(written)
      }
    }),
    { numRuns: rounds(1000) },
  )
})

test('pieces of JSON in any order are taken and refused alike', () => {
  const pieces =
    '{ } [ ] , : " a \\ \\n \\u \\u0061 \\ud83d \\ude00 0041 1 -1 0 00 - . e E+ null tru true NaN Inf Infinity -Infinity I € 😀 \u0007 \u007f \ufeff \u00a0 "a" "b" 1e400 12345678901234567890'
      .split(' ')
      .concat([' ', '\n', '\t', '\r'])
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 9 }), (chosen) => {
      const bytes = bytesOf(chosen.join(''))
      expect(fast(bytes)).toBe(slow(bytes))
    }),
    { numRuns: rounds(4000) },
  )
})

test('objects of pieces are taken and refused alike', () => {
  const key = fc.constantFrom(
    'a',
    'b',
    '\\u0061',
    '\\u0062',
    '',
    '\uff61',
    '\\uff61',
    '😀',
    '\\ud83d\\ude00',
    '\\ud83d',
  )
  const value = fc.constantFrom('1', '-0', '1.0', '[]', '{"x":{}}', '"\\/"', 'NaN', '9007199254740993')
  fc.assert(
    fc.property(fc.array(fc.tuple(key, value), { maxLength: 5 }), (members) => {
      const bytes = bytesOf(`{${members.map(([name, member]) => `"${name}":${member}`).join(', ')}}`)
      expect(fast(bytes)).toBe(slow(bytes))
    }),
    { numRuns: rounds(1000) },
  )
})

test('any bytes, and a changed byte of a document, are taken and refused alike', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 30 }), (bytes) => {
      expect(fast(bytes)).toBe(slow(bytes))
    }),
    { numRuns: rounds(500) },
  )
  const document = bytesOf('{"a":[1,-2.5e3,true,null,"é\\u00e9\\n😀"],"b":{"c":"x","d":NaN}}')
  for (let at = 0; at < document.length; at++) {
    for (const byte of [0, 0x20, 0x22, 0x2c, 0x30, 0x5c, 0x7b, 0x7d, 0x80, 0xff]) {
      const changed = document.with(at, byte)
      expect(fast(changed), Buffer.from(changed).toString('latin1')).toBe(slow(changed))
    }
  }
})

test('a random document with changed bytes is taken and refused alike, and has the same canonical bytes', () => {
  let taken = 0
  let refused = 0
  const edits = fc.array(fc.tuple(fc.nat(), fc.nat(2), fc.uint8Array({ maxLength: 2 })), { maxLength: 3 })
  const syntax = fc
    .constantFrom(...'" \\ , : { } [ ] - + 0 1 9 . e E \n \t u N n I t f /'.split(' '))
    .map((text) => bytesOf(text))
  const some = fc.oneof(syntax, fc.uint8Array({ maxLength: 2 }))
  fc.assert(
    fc.property(fc.json({ noUnicodeString: false, maxDepth: 5 }), edits, some, (text, places, piece) => {
      const bytes = places.reduce((changed, [position, length, other], index) => {
        const start = position % (changed.length + 1)
        const put = index === 0 ? piece : other
        return Buffer.concat([changed.subarray(0, start), put, changed.subarray(start + length)])
      }, Buffer.from(text))
      const expected = slow(bytes)
      if (expected === undefined) refused++
      else taken++
      expect(fast(bytes)).toBe(expected)
    }),
    { numRuns: rounds(2500) },
  )
  expect(Math.min(taken, refused)).toBeGreaterThan(rounds(250))
})

test('nesting ends where it ends in the slow path', () => {
  for (const depth of [1, 512, 513, 514, 100_000]) {
    const bytes = bytesOf('['.repeat(depth) + ']'.repeat(depth))
    expect(fast(bytes), String(depth)).toBe(slow(bytes))
  }
})

test('an error names the file and the key, or the encoding', () => {
  expect(() => canonicalDocument(bytesOf('{"a":1,"a":2}'), 'x.json')).toThrow(
    expect.objectContaining({ code: 'ERR_LINEAPRINT_FORMAT', path: 'x.json', field: 'a' }),
  )
  expect(() => canonicalDocument(bytesOf('["\\ud800"]'), 'x.json')).toThrow(/UTF-8/)
  expect(Buffer.from(canonicalDocument(bytesOf('{"b":1,"a":2}'))).toString()).toBe('{"a":2,"b":1}')
})
