import { expect, test } from 'vitest'
import { bytesOf, steady } from '../../src/server/body.ts'

const streamOf = (...chunks: string[]): ReadableStream<Uint8Array> =>
  ReadableStream.from(chunks.map((chunk) => new TextEncoder().encode(chunk)))

test('a body is read up to its limit', async () => {
  expect((await bytesOf(streamOf('ab', 'c'), 3)).toString()).toBe('abc')
  expect((await bytesOf(null, 0)).length).toBe(0)
  await expect(bytesOf(streamOf('ab', 'cd'), 3)).rejects.toMatchObject({ status: 413 })
})

/** Reads a body whose pieces come after so many seconds each. */
async function taken(seconds: number, ...chunks: string[]): Promise<number> {
  let time = 0
  let length = 0
  for await (const chunk of steady(
    ReadableStream.from(
      (async function* () {
        for (const text of chunks) {
          time += seconds * 1000
          yield await Promise.resolve(new TextEncoder().encode(text))
        }
      })(),
    ),
    () => time,
  ))
    length += chunk.length
  return length
}

test('a body that trickles is refused, and a slow one is not', async () => {
  expect(await taken(1, ...Array.from({ length: 29 }, () => 'x'))).toBe(29)
  await expect(taken(1, ...Array.from({ length: 40 }, () => 'x'))).rejects.toMatchObject({ status: 408 })
  expect(await taken(1, ...Array.from({ length: 100 }, () => 'x'.repeat(512)))).toBe(51_200)
  await expect(taken(100, 'x')).rejects.toMatchObject({ status: 408 })
})
