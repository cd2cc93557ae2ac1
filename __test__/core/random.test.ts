import { expect, test } from 'vitest'
import { randomBytes, randomHex } from '../../src/core/random.ts'

test('bytes have the length that is asked for, and differ each time', () => {
  expect(randomBytes(0)).toHaveLength(0)
  const found = Array.from({ length: 200 }, () => randomBytes(16).toString('hex'))
  expect(new Set(found).size).toBe(200)
  // Each of 3200 bytes: a value that is missing from all of them has a chance of one in ten thousand million.
  expect(new Set(found.join('').match(/../g)).size).toBeGreaterThan(250)
  expect(randomHex(6)).toMatch(/^[0-9a-f]{12}$/)
})
