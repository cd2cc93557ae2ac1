import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SampleReport } from '../../../src/hash/sample/report.ts'

function report(units: number, read: number): SampleReport {
  return new SampleReport('file', { sampled: read < units, units, unitsRead: read, bytes: 0, bytesRead: 0 })
}

/** C(n - m, k) / C(n, k) in whole numbers. */
function exactly(n: number, k: number, m: number): number {
  const choose = (from: number, take: number): bigint => {
    let product = 1n
    for (let i = 0; i < take; i++) product = (product * BigInt(from - i)) / BigInt(i + 1)
    return product
  }
  if (m > n - k) return 0
  return Number((choose(n - m, k) * 10n ** 18n) / choose(n, k)) / 1e18
}

test('the chance of missing a change is that of the hypergeometric distribution', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 200 }).chain((n) => {
        const some = fc.integer({ min: 0, max: n })
        return fc.tuple(fc.constant(n), some, some)
      }),
      ([n, k, m]) => {
        expect(report(n, k).missProbability(m)).toBeCloseTo(exactly(n, k, m), 12)
      },
    ),
  )
})

test('edges', () => {
  const some = report(1000, 10)
  expect(some.missProbability(0)).toBe(1)
  expect(some.missProbability(1)).toBeCloseTo(0.99, 14)
  expect(some.missProbability(991)).toBe(0)
  expect(report(1000, 1000).missProbability(1)).toBe(0)
  expect(report(0, 0)).toMatchObject({ share: 1 })
  expect(report(0, 0).missProbability(0)).toBe(1)
  for (const wrong of [-1, 1001, 0.5, NaN]) {
    expect(() => some.missProbability(wrong), String(wrong)).toThrow(
      expect.objectContaining({ code: 'ERR_LINEAPRINT_ARGUMENT', field: 'changedUnits' }),
    )
  }
})

test('large numbers are neither slow nor wrong', () => {
  const large = report(1e13, 1e10)
  expect(large.missProbability(1000)).toBeCloseTo(Math.exp(-1.0005), 4)
  expect(large.missProbability(1e12)).toBe(0)
  expect(report(6_103_516, 6104).missProbability(1000)).toBeCloseTo(0.367, 2)
})

test('in JSON the method is a table', () => {
  expect(JSON.parse(JSON.stringify(report(50, 10)))).toEqual({
    unit: 'bytes/16384',
    units: 50,
    read: 10,
    share: 0.2,
    bytesRead: 0,
    bytesTotal: 0,
    missProbability: { 1: expect.closeTo(0.8) as number, 10: expect.closeTo(exactly(50, 10, 10)) as number },
  })
})
