/** The pyramid finds what a look at each value finds. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Pyramid, scanExtremes } from '../../src/server/pyramid.ts'

const value = fc.oneof(
  { weight: 20, arbitrary: fc.integer({ min: -5, max: 5 }) },
  { weight: 1, arbitrary: fc.constantFrom(NaN, Infinity, -Infinity) },
)

test('every part has the extremes that a scan finds, however the values came', () => {
  fc.assert(
    fc.property(
      fc.array(value, { minLength: 1, maxLength: 6000, size: 'max' }),
      fc.array(fc.nat(6000), { maxLength: 4 }),
      fc.array(fc.tuple(fc.nat(6000), fc.nat(6000)), { minLength: 1, maxLength: 20 }),
      (list, cuts, parts) => {
        const y = Float64Array.from(list)
        const pyramid = new Pyramid()
        for (const cut of [...cuts, y.length].toSorted((a, b) => a - b)) pyramid.extend(y.subarray(0, cut))
        for (const [a, b] of [...parts, [0, y.length] as const]) {
          const [start, end] = [Math.min(a, b, y.length), Math.min(Math.max(a, b), y.length)]
          expect(pyramid.extremes(y, start, end)).toEqual(scanExtremes(y, start, end))
        }
      },
    ),
    { numRuns: 60 },
  )
})

test('a scan names the first of equal extremes, and the last gap', () => {
  const y = Float64Array.from([NaN, 2, 7, 7, 1, 1, NaN, 3])
  expect(scanExtremes(y, 0, 8)).toEqual({ kept: [1, 2, 4, 6, 7], gaps: 2 })
  expect(scanExtremes(y, 0, 1)).toEqual({ kept: [0], gaps: 1 })
  expect(scanExtremes(y, 3, 3)).toEqual({ kept: [], gaps: 0 })
})
