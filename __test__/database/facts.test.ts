import { expect, test } from 'vitest'
import { keyText } from '../../src/database/facts.ts'

test('a key has room in an index, and stands for the whole text', () => {
  for (const text of ['', 'loss', 'a'.repeat(600), 'é'.repeat(300), '€'.repeat(200), '😀'.repeat(150)])
    expect(keyText(text)).toBe(text)
  for (const letter of ['a', 'é', '€', '😀', '\ud800']) {
    const [one, other] = [letter.repeat(700), `${letter.repeat(700)}b`].map(keyText)
    expect(Buffer.byteLength(one ?? '')).toBeLessThanOrEqual(600)
    expect(one?.isWellFormed()).toBe(true)
    expect(one).not.toBe(other)
  }
  // A key is not shortened again.
  const key = keyText('x'.repeat(10_000))
  expect(keyText(key)).toBe(key)
})
