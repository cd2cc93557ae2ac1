/** Plain digests of streams. */
import { setImmediate } from 'node:timers/promises'
import { primary, toDigests } from '../core/digest.ts'
import { ProgressListener } from '../core/progress.ts'
import { LineaprintError } from '../core/errors.ts'
import { native } from '../native/load.ts'
import { checkAlgorithm, checkKeys } from '../core/options.ts'
import { asBytes } from './bytes.ts'
import { utf8Of } from './value-bytes.ts'
import type { AlgorithmChoice, Digest, Digests } from '../core/digest.ts'
import type { HashOptions } from '../core/options.ts'

/** A source of bytes in chunks: a Node stream, a web stream, or any iterable. Text counts as UTF-8, and half a surrogate pair is an error. */
export type ByteStream = AsyncIterable<Uint8Array | string> | Iterable<Uint8Array | string>

/** The result of {@link hashStream}. */
export interface StreamHash<A extends AlgorithmChoice = AlgorithmChoice> {
  /** Bytes received. */
  readonly size: number
  /** The digest; BLAKE3 if both were requested. */
  readonly digest: Digest
  /** Every requested digest. */
  readonly digests: Digests<A>
}

/** Bytes hashed before other callbacks run. */
const TURN = 8 << 20

/**
 * Hash the bytes of a stream in order, as they arrive: the digest of a streamed file equals that of the file.
 *
 * The next chunk is requested only when the previous one is hashed, so nothing is buffered. Reading stops
 * when the signal aborts. Cost: one thread.
 */
export async function hashStream<A extends AlgorithmChoice = 'blake3'>(
  stream: ByteStream,
  options: HashOptions<A> = {},
): Promise<StreamHash<A>> {
  checkKeys(options)
  checkStream(stream)
  const hasher = new native.NativeHasher(checkAlgorithm(options.algorithm))
  const { signal, onProgress } = options
  signal?.throwIfAborted()
  const listener = new ProgressListener(onProgress)
  const text = new TextPieces()
  let size = 0
  let reportedAt = performance.now()
  for await (const piece of stream) {
    signal?.throwIfAborted()
    const bytes = typeof piece === 'string' ? text.take(piece) : checkPiece(piece, text)
    const { byteLength } = bytes
    for (let start = 0; start < byteLength; start += TURN) {
      if (start > 0) await setImmediate()
      hasher.update(bytes.subarray(start, start + TURN))
    }
    size += bytes.byteLength
    if (performance.now() - reportedAt >= 100) {
      reportedAt = performance.now()
      listener.report({ bytesDone: size, bytesTotal: size, filesDone: 0, filesTotal: 0 })
    }
    listener.throwIfFailed()
  }
  signal?.throwIfAborted()
  text.end()
  await listener.end()
  const digests = toDigests(hasher.finish()) as Digests<A>
  return { size, digest: primary(digests), digests }
}

function checkStream(stream: unknown): void {
  const isObject = (typeof stream === 'object' && stream !== null) || typeof stream === 'function'
  if (isObject && (Symbol.asyncIterator in stream || Symbol.iterator in stream)) return
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'this is not a stream', {
    expected: 'a stream, or an iterable of bytes or text',
    received: stream === null ? 'null' : typeof stream,
  })
}

/** Text in pieces as UTF-8. A pair of surrogates can be cut between two pieces. */
class TextPieces {
  #half = ''

  /** Return the bytes of a piece. @throws ERR_LINEAPRINT_ARGUMENT for half of a pair, which UTF-8 cannot hold. */
  take(piece: string): Uint8Array {
    const text = this.#half + piece
    this.#half = /[\ud800-\udbff]$/.test(text) ? text.slice(-1) : ''
    return utf8Of(this.#half === '' ? text : text.slice(0, -1), 'the text of the stream')
  }

  /** Check that no half of a pair is left. */
  end(): void {
    utf8Of(this.#half, 'the text of the stream')
  }
}

function checkPiece(piece: unknown, text: TextPieces): Uint8Array {
  text.end()
  if (ArrayBuffer.isView(piece) || piece instanceof ArrayBuffer) return asBytes(piece)
  throw new LineaprintError(
    'ERR_LINEAPRINT_ARGUMENT',
    'the stream returned something other than bytes or text',
    {
      expected: 'Uint8Array or string',
      received: typeof piece,
    },
  )
}
