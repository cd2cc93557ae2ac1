import { expect, test } from 'vitest'
import { compareUtf8 } from '../../src/util/text-order.ts'

test('text is in the order of its bytes as UTF-8', () => {
  const parts = ['', 'a', 'b', '\u00e9', '\u4e00', '\ufffd', '\uffff', '\u{1f600}', '\ud83d', '\ude00', '\0']
  const texts = parts.flatMap((first) =>
    parts.flatMap((second) => parts.map((third) => first + second + third)),
  )
  const some = texts.filter((_, index) => index % 61 === 0)
  const pairs = some.flatMap((a) => texts.map((b) => [a, b] as const))
  const wrong = pairs.filter(([a, b]) => compareUtf8(a, b) !== Buffer.compare(Buffer.from(a), Buffer.from(b)))
  expect(wrong).toEqual([])
})

test('the order is not that of code units', () => {
  const [before, behind] = ['\uffff', '\u{1f600}']
  expect(compareUtf8(before, behind)).toBe(-1)
  expect([behind, before].toSorted()).toEqual([behind, before])
})
