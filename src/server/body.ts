/** Bodies of requests: with a limit of length, and none so slow that it holds a connection for ever. */
import { Refusal } from './errors.ts'

/** Milliseconds for which a body may be as slow as it likes. */
const GRACE = 30_000

/** Bytes in a second that a body has on average after that: a tenth of what a modem sends. */
const LEAST_RATE = 512

/** Read a body, whether or not its length is known before it is read. @throws Refusal if it is too long, or too slow. */
export async function bytesOf(body: ReadableStream<Uint8Array> | null, limit: number): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of steady(body)) {
    length += chunk.length
    if (length > limit) {
      throw new Refusal(413, 'ERR_LINEAPRINT_ARGUMENT', 'the body is too long', {
        where: 'body',
        expected: `at most ${limit} bytes`,
      })
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Yield the pieces of a body; one that is empty has none. @throws Refusal if it is too slow. */
export async function* steady(
  body: ReadableStream<Uint8Array> | null,
  milliseconds: () => number = () => performance.now(),
): AsyncGenerator<Uint8Array> {
  const start = milliseconds()
  let length = 0
  for await (const chunk of body ?? []) {
    length += chunk.length
    const seconds = (milliseconds() - start - GRACE) / 1000
    if (length < seconds * LEAST_RATE)
      throw new Refusal(408, 'ERR_LINEAPRINT_ARGUMENT', 'the body comes too slowly', {
        where: 'body',
        expected: `at least ${LEAST_RATE} bytes in a second`,
        do: 'try again, over a faster network',
      })
    yield chunk
  }
}
