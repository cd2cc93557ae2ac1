import { expect, test } from 'vitest'
import { OPEN_LINE_LIMIT, lastingBytes } from '../../src/store/log-lines.ts'

test.each([
  ['', 0],
  ['no end', 0],
  ['\n', 1],
  ['one\ntwo', 4],
  ['one\r\n 10%\r', 5],
  ['x'.repeat(OPEN_LINE_LIMIT + 5), 5],
  [`a\n${'x'.repeat(OPEN_LINE_LIMIT)}`, 2],
])('lines that have ended stay, and the beginning of a very long one: %#', (text, bytes) => {
  expect(lastingBytes(Buffer.from(text))).toBe(bytes)
})
