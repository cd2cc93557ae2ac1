/** Bodies of requests. */
import { Refusal } from './errors.ts'

/** Read a body, whether or not its length is known before it is read. @throws Refusal if it is too long. */
export async function bytesOf(body: ReadableStream<Uint8Array> | null, limit: number): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of body ?? []) {
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
