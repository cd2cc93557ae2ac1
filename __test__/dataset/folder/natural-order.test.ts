import { expect, test } from 'vitest'
import { compareNatural } from '../../../src/dataset/folder/natural-order.ts'

function sorted(...names: string[]): string[] {
  return names.toSorted(compareNatural)
}

test('digits compare as numbers', () => {
  expect(sorted('part-10', 'part-2', 'part-1')).toEqual(['part-1', 'part-2', 'part-10'])
  expect(sorted('a9b2', 'a10b1', 'a9b10')).toEqual(['a9b2', 'a9b10', 'a10b1'])
  expect(sorted('1', '12345678901234567890124', '12345678901234567890123')).toEqual([
    '1',
    '12345678901234567890123',
    '12345678901234567890124',
  ])
})

test('everything else compares by UTF-8 bytes', () => {
  expect(sorted('b', 'B', 'a')).toEqual(['B', 'a', 'b'])
  // U+FF5E is before U+1F600 in UTF-8, and behind it in UTF-16.
  expect(sorted('\u{1F600}', '\uFF5E')).toEqual(['\uFF5E', '\u{1F600}'])
  // Only ASCII digits are numbers.
  expect(sorted('x٣', 'x٢٠')).toEqual(['x٢٠', 'x٣'])
  expect(sorted('a/2', 'a-1', 'a')).toEqual(['a', 'a-1', 'a/2'])
})

test('leading zeros decide only where nothing else does', () => {
  expect(sorted('1', '01', '001', '2', '0')).toEqual(['0', '001', '01', '1', '2'])
  expect(sorted('01b', '1a')).toEqual(['1a', '01b'])
})

test('the order is one, whatever the order before', () => {
  const names = ['a1', 'a01', 'a1b', 'a', '', '1a', '01a', '10', '9', 'a/1', 'a/01/2', 'a/1/10']
  const wanted = names.toSorted(compareNatural)
  for (let round = 0; round < 50; round++) {
    const shuffled = names.map((name, index) => [(index * 7 + round * 5) % 12, name] as const)
    const again = shuffled.toSorted(([a], [b]) => a - b).map(([, name]) => name)
    expect(again.toSorted(compareNatural)).toEqual(wanted)
  }
})
