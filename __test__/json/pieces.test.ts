import { expect, test } from 'vitest'
import { ItemList, PIECE, jsonPieces } from '../../src/json/pieces.ts'

const long = Array.from({ length: 2 * PIECE + 1 }, (_, index) => ({ index, text: 'a\nb', none: undefined }))

const lazy = (items: readonly unknown[]): ItemList =>
  new ItemList(items.length, (start, end) => items.slice(start, end))

test.each([
  ['a long list whose items are built', { a: 1, long: lazy(long), z: 2 }, 7],
  ['a short list whose items are built', { a: 1, short: lazy(long.slice(0, PIECE)) }, 1],
  ['a short document', { a: 1, b: [1, { c: 2 }] }, 1],
  ['a long list in an object', { a: [{}], long, none: undefined, z: { y: [1] } }, 7],
  ['a long list that comes first, and another', { long, again: long.map(() => undefined) }, 9],
  ['a long list that is the document', long, 1],
  ['an object that writes itself', { long, toJSON: () => 'text' }, 1],
  ['a text', 'a', 1],
  ['null', null, 1],
])('pieces of %s are the text of the whole', (_, value, count) => {
  const pieces = [...jsonPieces(value)]
  expect(pieces.join('')).toBe(`${JSON.stringify(value, null, 2)}\n`)
  expect(pieces.length).toBe(count)
})
