import { expect, test } from 'vitest'
import { errorText, joinLines } from '../../src/util/error-text.ts'

test('the text of anything that was thrown', () => {
  const error = new TypeError('one\n  two\nthree')
  expect(errorText(error)).toBe('one\n  two\nthree')
  expect(errorText(error, 'first')).toBe('one')
  expect(joinLines(errorText(error))).toBe('one two three')
  expect(errorText(new RangeError(''))).toBe('RangeError')
  expect([errorText('text\nmore', 'first'), errorText(undefined), errorText(null), errorText(5)]).toEqual([
    'text',
    'undefined',
    'null',
    '5',
  ])
})
