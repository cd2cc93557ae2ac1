import { expect, test } from 'vitest'
import { compareUtf8 } from '../../src/util/text-order.ts'

const slow = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

test('text is in the order of its bytes as UTF-8', () => {
  const parts = [
    '',
    'a',
    'b',
    '\u00e9',
    '\u4e00',
    '\ufffd',
    '\uffff',
    '\u{1f600}',
    '\u{10ffff}',
    '\ud83d',
    '\ude00',
    '\0',
  ]
  const texts = parts.flatMap((first) =>
    parts.flatMap((second) => parts.map((third) => first + second + third)),
  )
  for (const a of texts.filter((_, index) => index % 7 === 0))
    for (const b of texts) {
      const order = compareUtf8(a, b)
      if (order !== slow(a, b)) expect.fail(`${JSON.stringify([a, b])}: ${order}`)
    }
})

test('the order is not that of code units', () => {
  expect(compareUtf8('\uffff', '\u{1f600}')).toBe(-1)
  expect('\uffff' < '\u{1f600}').toBe(false)
})
