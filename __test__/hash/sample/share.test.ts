import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseShare } from '../../../src/hash/sample/share.ts'

test('a share is the fraction that is written', () => {
  for (const [text, share] of [
    ['1/1000', [1, 1000]],
    ['2/8', [1, 4]],
    ['1', [1, 1]],
    ['1.0', [1, 1]],
    ['100%', [1, 1]],
    ['0.001', [1, 1000]],
    ['0.1%', [1, 1000]],
    ['0.1', [1, 10]],
    ['0.30000000000000004', undefined],
    ['0.3333', [3333, 10_000]],
    ['1e-7', [1, 10_000_000]],
    ['12.5%', [1, 8]],
    ['1/9007199254740991', [1, 9007199254740991]],
    ['1/9007199254740992', undefined],
    ['2/9007199254740992', [1, 4503599627370496]],
    ['0', undefined],
    ['0/5', undefined],
    ['1/0', undefined],
    ['0/0', undefined],
    ['1.5', undefined],
    ['101%', undefined],
    ['-0.1', undefined],
    ['1e-99', undefined],
    ['1e99', undefined],
    ['.5', undefined],
    ['1/1000%', undefined],
    [' 1/2', undefined],
    ['NaN', undefined],
    ['Infinity', undefined],
    ['', undefined],
  ] as const) {
    expect(parseShare(text), text).toEqual(share)
  }
})

test('any fraction is reduced, and any number of JavaScript that is short enough is read exactly', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e6 }), fc.integer({ min: 1, max: 1e6 }), (p, q) => {
      const [least, most] = [Math.min(p, q), Math.max(p, q)]
      const [numerator, denominator] = parseShare(`${least}/${most}`) ?? []
      expect((numerator ?? NaN) * most).toBe((denominator ?? NaN) * least)
    }),
  )
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9999 }), fc.integer({ min: 4, max: 12 }), (digits, places) => {
      const [numerator = 0, denominator = 0] = parseShare(String(digits / 10 ** places)) ?? []
      expect(BigInt(numerator) * 10n ** BigInt(places)).toBe(BigInt(denominator) * BigInt(digits))
    }),
  )
})
