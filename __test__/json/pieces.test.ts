import { expect, test } from 'vitest'
import { PIECE, jsonPieces } from '../../src/json/pieces.ts'

const long = Array.from({ length: 2 * PIECE + 1 }, (_, index) => ({ index, text: 'a\nb', none: undefined }))

test.each([
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
