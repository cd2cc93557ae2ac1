import { expect, test } from 'vitest'
import { plural } from '../../src/util/plural.ts'

test('one is singular, everything else plural', () => {
  expect([0, 1, 2, 22_713_216].map((count) => plural(count, 'tensor'))).toEqual([
    '0 tensors',
    '1 tensor',
    '2 tensors',
    '22,713,216 tensors',
  ])
  expect(plural(2, 'entry', 'entries')).toBe('2 entries')
})
