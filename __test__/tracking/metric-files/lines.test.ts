import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LINE_LIMIT, LineSplitter } from '../../../src/tracking/metric-files/lines.ts'

function split(chunks: readonly Buffer[]): (string | undefined)[] {
  const splitter = new LineSplitter()
  return [...chunks.flatMap((chunk) => [...splitter.push(chunk)]), ...splitter.end()]
}

test('lines do not depend on the pieces in which they arrive', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('a', 'ä', '\n', '\r\n', 'bc')), fc.nat(5), (parts, size) => {
      const text = parts.join('')
      const bytes = Buffer.from(text)
      const chunks: Buffer[] = []
      for (let at = 0; at < bytes.length; at += size + 1) chunks.push(bytes.subarray(at, at + size + 1))
      const lines = text.split('\n').map((line) => line.replace(/\r$/, ''))
      if (text === '' || text.endsWith('\n')) lines.pop()
      expect(split(chunks)).toEqual(lines)
    }),
  )
})

test('a line that is too long is not kept, and the next one is read', () => {
  const long = Buffer.alloc(LINE_LIMIT + 1, 'x')
  expect(split([long, Buffer.from('y\nnext\nlast')])).toEqual([undefined, 'next', 'last'])
})
