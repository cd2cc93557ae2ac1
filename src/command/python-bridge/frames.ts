/**
 * The frames between lineaprint and the programs of a run: a length as 4 bytes, big-endian, followed by that
 * many bytes of JSON in UTF-8.
 */
import { LineaprintError } from '../../core/errors.ts'

/** Version of the messages; `python/_lineaprint/_connection.py` has the same. */
export const PROTOCOL = 1

/** Largest length of a message in bytes. Tensors do not go through the connection. */
export const FRAME_LIMIT: number = 4 << 20

/** A splitter of a stream into frames. Memory grows with the bytes received, never with a declared length. */
export class FrameReader {
  #chunks: Buffer[] = []
  #available = 0

  /** Number of bytes of an incomplete frame. */
  get pending(): number {
    return this.#available
  }

  /**
   * Add bytes and yield the frames that they complete.
   *
   * @throws ERR_LINEAPRINT_FORMAT for a frame that is too long; the rest of the stream cannot be read then.
   */
  *push(chunk: Buffer): Generator<Buffer> {
    this.#chunks.push(chunk)
    this.#available += chunk.length
    while (this.#available >= 4) {
      const length = this.#peekLength()
      if (length > FRAME_LIMIT) {
        throw new LineaprintError('ERR_LINEAPRINT_FORMAT', 'a message is too long', {
          expected: `at most ${FRAME_LIMIT} bytes`,
          received: `${length} bytes`,
        })
      }
      if (this.#available < 4 + length) return
      const [first] = this.#chunks
      const all = first !== undefined && this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks)
      const rest = all.subarray(4 + length)
      this.#chunks = rest.length > 0 ? [rest] : []
      this.#available = rest.length
      yield all.subarray(4, 4 + length)
    }
  }

  #peekLength(): number {
    const [first] = this.#chunks
    if (first !== undefined && first.length < 4) this.#chunks = [Buffer.concat(this.#chunks)]
    return this.#chunks[0]?.readUInt32BE(0) ?? 0
  }
}

/** Encode a value as a frame. */
export function toFrame(value: unknown): Buffer {
  const body = Buffer.from(JSON.stringify(value))
  const head = Buffer.alloc(4)
  head.writeUInt32BE(body.length)
  return Buffer.concat([head, body])
}
