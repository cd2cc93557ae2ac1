import { expect, test } from 'vitest'
import { pictureFormat } from '../../../src/cli/shared/picture.ts'

test.each([
  ['loss.svg', 'svg'],
  ['folder.png/loss', 'svg'],
  ['LOSS.PNG', 'png'],
] as const)('%s is a picture', (name, format) => {
  expect(pictureFormat(name, '--output', ['svg', 'png'])).toBe(format)
})

test('a name with another ending is refused, with the endings that there are', () => {
  expect(() => pictureFormat('loss.png', '--plot', ['svg'])).toThrow(
    expect.objectContaining({
      code: 'ERR_LINEAPRINT_ARGUMENT',
      path: 'loss.png',
      field: '--plot',
      expected: 'a name that ends in .svg',
      received: '.png',
    }),
  )
})
