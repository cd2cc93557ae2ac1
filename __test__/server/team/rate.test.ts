import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Buckets, TooMany } from '../../../src/server/team/rate.ts'

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

function take(buckets: Buckets, key: string): number {
  try {
    buckets.take(key)
    return 0
  } catch (error) {
    if (error instanceof TooMany) return error.retryAfter
    throw error
  }
}

test('a bucket gives a burst, then as many as flow in, for each key', () => {
  const buckets = new Buckets({ perSecond: 2, burst: 3 })
  const taken = Array.from({ length: 5 }, () => take(buckets, 'a'))
  expect(taken).toEqual([0, 0, 0, 1, 1])
  expect(take(buckets, 'b')).toBe(0)
  vi.advanceTimersByTime(500)
  expect([take(buckets, 'a'), take(buckets, 'a')]).toEqual([0, 1])
  vi.advanceTimersByTime(60_000)
  expect(Array.from({ length: 4 }, () => take(buckets, 'a'))).toEqual([0, 0, 0, 1])
})

test('a check counts nothing, and a slow bucket tells how long to wait', () => {
  const buckets = new Buckets({ perSecond: 0.1, burst: 1 })
  buckets.check('a')
  expect([take(buckets, 'a'), take(buckets, 'a')]).toEqual([0, 10])
  expect(() => {
    buckets.check('a')
  }).toThrow(TooMany)
})
