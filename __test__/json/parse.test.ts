import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseJson, parseStandardJson, toObjects } from '../../src/json/parse.ts'
import { LineaprintError } from '../../src/core/errors.ts'
import { rounds } from '../support/random.ts'

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
      expect(JSON.stringify(toObjects(parseJson(text).value))).toBe(JSON.stringify(JSON.parse(text)))
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
    { numRuns: rounds(1000) },
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

/** What a parser makes of a text; nothing if it refuses it. */
function outcome(parse: () => unknown): { readonly value: unknown } | undefined {
  try {
    return { value: parse() }
  } catch {
    return undefined
  }
}

/** Documents with some characters put in, taken out or replaced. */
const MUTATED = fc
  .tuple(
    fc.json({ maxDepth: 4 }),
    fc.array(
      fc.tuple(
        fc.nat(),
        fc.nat(3),
        fc.constantFrom(
          '',
          '"',
          '\\',
          ',',
          ':',
          '{',
          '}',
          '[',
          ']',
          '-',
          '0',
          '1',
          '.',
          'e',
          'NaN',
          'Infinity',
          ' ',
          '\t',
          '\u0000',
          '\ufeff',
          '\u00a0',
          '"a":',
          '\\u0061',
          '\\ud800',
          '"__proto__":',
        ),
      ),
      { maxLength: 3 },
    ),
  )
  .map(([text, edits]) =>
    edits.reduce((changed, [position, length, piece]) => {
      const start = position % (changed.length + 1)
      return changed.slice(0, start) + piece + changed.slice(start + length)
    }, text),
  )

/**
 * Return whether a document is refused for one of the two things that JSON.parse takes: equal keys, which the error names,
 * and numbers beyond a double, which JSON.parse reads as Infinity.
 */
function isRefusedBeyondJsonParse(text: string): boolean {
  const { code, field, expected } = refusal(text)
  return code === 'ERR_LINEAPRINT_FORMAT' && (field !== undefined || expected === 'at most 1.8e308')
}

test('random and mutated documents: parseStandardJson takes nothing that JSON.parse refuses, with the same value', () => {
  let taken = 0
  let refused = 0
  fc.assert(
    fc.property(MUTATED, (text) => {
      const strict = outcome(() => parseStandardJson(text))
      const loose = outcome(() => JSON.parse(text) as unknown)
      if (strict === undefined) refused++
      else taken++
      const isStricter = loose !== undefined && strict === undefined && isRefusedBeyondJsonParse(text)
      expect(strict).toStrictEqual(isStricter ? undefined : loose)
    }),
    {
      numRuns: rounds(2000),
      examples: [['5.245862347892173e+904'], ['-4.6e+1016'], ['{"a":1,"a":1}'], ['1e308'], ['1e-400']],
    },
  )
  expect(Math.min(taken, refused)).toBeGreaterThan(500)
})

test('a standard document has no NaN, has no equal keys, and has objects', () => {
  for (const text of ['[NaN]', '[Infinity]', '[-Infinity]', '{"a":1,"a":2}', '[1e400]'])
    expect({ text, taken: outcome(() => parseStandardJson(text)) }).toEqual({ text, taken: undefined })
  const value = parseStandardJson('{"b":{"__proto__":[1]},"a":null}') as { readonly b: object }
  expect(Object.entries(value.b)).toEqual([['__proto__', [1]]])
  expect(Object.getPrototypeOf(value.b)).toBe(Object.prototype)
})
