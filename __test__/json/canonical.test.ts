import fc from 'fast-check'
import { expect, test } from 'vitest'
import { canonicalJson } from '../../src/json/canonical.ts'
import { parseJson } from '../../src/json/parse.ts'

test('the example of RFC 8785, section 3.2.2', () => {
  const value = {
    numbers: [333333333.33333329, 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
    string: '\u20ac$\u000F\u000aA\'\u0042\u0022\u005c\\"/',
    literals: [null, true, false],
  }
  expect(canonicalJson(value)).toBe(
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
  )
})

test('keys are sorted by UTF-16 code units, as RFC 8785 says', () => {
  const value = { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, '\u00f6': 7 }
  expect(canonicalJson(value)).toBe(
    '{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\ud83d\ude00":5,"\ufb33":3}',
  )
})

test('numbers that JSON does not have get a form of their own', () => {
  expect(canonicalJson([NaN, Infinity, -Infinity, -0])).toBe(
    '[{"__float__":"NaN"},{"__float__":"Infinity"},{"__float__":"-Infinity"},0]',
  )
})

test('half a surrogate pair is refused', () => {
  expect(() => canonicalJson('\ud800')).toThrow(/UTF-8/)
  expect(() => canonicalJson({ '\udfff': 1 })).toThrow(/UTF-8/)
})

test('what JSON cannot hold is refused', () => {
  expect(() => canonicalJson(1n)).toThrow(/bigint/)
  expect(() => canonicalJson([undefined])).toThrow(/undefined/)
  // Written without care these would be invalid JSON, or share a digest with something else.
  // oxlint-disable-next-line no-sparse-arrays
  for (const value of [[, 1], new Set([1]), Object(5), /x/, new Map([[1, 2]]), new URLSearchParams()]) {
    expect(() => canonicalJson(value), String(value)).toThrow(
      expect.objectContaining({ code: 'ERR_LINEAPRINT_ARGUMENT' }),
    )
  }
  expect(canonicalJson(Object.assign(Object.create(null) as object, { a: 1 }))).toBe('{"a":1}')
  expect(canonicalJson({ a: undefined, b: 1 })).toBe('{"b":1}')
})

test('writing does not depend on the order of keys, and reading it back gives the same text', () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
      fc.pre(JSON.stringify(value).isWellFormed())
      const text = canonicalJson(value)
      expect(canonicalJson(parseJson(text).value)).toBe(text)
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)))
    }),
  )
})
