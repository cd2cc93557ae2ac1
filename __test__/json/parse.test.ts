import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseJson } from '../../src/json/parse.ts'
import { LineaprintError } from '../../src/core/errors.ts'
import type { ParsedJson } from '../../src/json/parse.ts'

function plain(value: ParsedJson): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (value instanceof Map) {
    const object = Object.create(null) as Record<string, unknown>
    for (const [key, member] of value) object[key] = plain(member)
    return object
  }
  return value
}

function refusal(source: string | Uint8Array): LineaprintError {
  try {
    parseJson(source, 'config.json')
  } catch (error) {
    if (error instanceof LineaprintError) return error
    throw error
  }
  throw new Error(`must be refused: ${String(source)}`)
}

test('it reads what JSON.parse reads', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      expect(JSON.stringify(plain(parseJson(text).value))).toBe(JSON.stringify(JSON.parse(text)))
    }),
  )
})

test('it refuses what JSON.parse refuses', () => {
  const piece = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    'a',
    '\\',
    '1',
    '-',
    '.',
    'e',
    ' ',
    'null',
    'tru',
    '0',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const text = pieces.join('')
      let valid = true
      try {
        JSON.parse(text)
      } catch {
        valid = false
      }
      // Equal keys are the one thing that we refuse and JSON.parse takes.
      fc.pre(!valid)
      expect(refusal(text).code).toBe('ERR_LINEAPRINT_FORMAT')
    }),
    { numRuns: 2000 },
  )
})

test('two equal keys are refused, though JSON.parse takes the last', () => {
  const error = refusal('{"a":1,"b":{"c":1,"\\u0063":2}}')
  expect(error).toMatchObject({ code: 'ERR_LINEAPRINT_FORMAT', field: 'c', path: 'config.json' })
})

test('__proto__ is a key like any other', () => {
  const { value } = parseJson('{"__proto__":{"polluted":true}}')
  expect(value instanceof Map && value.get('__proto__') instanceof Map).toBe(true)
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
})

test('what Python writes for special floats is understood', () => {
  expect(parseJson('[NaN,Infinity,-Infinity]').value).toEqual([NaN, Infinity, -Infinity])
})

test('numbers beyond a double are refused, integers that lose digits are reported', () => {
  expect(refusal('[1e400]')).toMatchObject({ code: 'ERR_LINEAPRINT_FORMAT', received: '1e400' })
  expect(parseJson('[9007199254740993, 9007199254740992, 1e300, 0.1]').lossyIntegers).toEqual([
    '9007199254740993',
  ])
})

test('errors say where', () => {
  expect(refusal('{\n  "a": 1,\n}').message).toMatch(/^config\.json: it is not JSON at line 3, column 1/)
  expect(refusal('')).toMatchObject({ code: 'ERR_LINEAPRINT_FORMAT', received: 'the end' })
})

test('deep nesting, broken UTF-8 and a byte order mark are errors and not crashes', () => {
  expect(refusal('['.repeat(100_000)).message).toMatch(/512 levels/)
  expect(refusal(new Uint8Array([0x22, 0xff, 0x22])).message).toMatch(/UTF-8/)
  expect(refusal('\ufeff{}').code).toBe('ERR_LINEAPRINT_FORMAT')
})
