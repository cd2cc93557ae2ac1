/**
 * Plain digests of bytes in memory.
 *
 * The addon reads JavaScript's memory only while this thread waits inside the call, so nothing is copied and
 * nothing can be written, resized or transferred during the read. Long buffers are hashed in slices of a few
 * milliseconds; other callbacks run in between.
 */
import { setImmediate } from 'node:timers/promises'
import { toDigests } from '../core/digest.ts'
import { LineaprintError } from '../core/errors.ts'
import { native } from '../native/load.ts'
import { checkAlgorithm, checkKeys } from '../core/options.ts'
import type { Progress, HashOptions } from '../core/options.ts'
import type { Digests } from '../core/digest.ts'

/** Bytes hashed in one call: about 4 ms of SHA-256 or 1 ms of BLAKE3 on one core. */
const SLICE = 8 << 20

/**
 * Hash bytes in memory with the standard hash, BLAKE3 on all cores.
 *
 * Do not write to a buffer over 8 MiB before the promise settles: it is not copied. If it is resized or
 * transferred in the meantime, the call throws ERR_LINEAPRINT_CHANGED.
 *
 * @param bytes A buffer or any view of one; its bytes count, not its element type.
 */
export async function hashBytes(
  bytes: ArrayBufferLike | ArrayBufferView,
  options: HashOptions = {},
): Promise<Digests> {
  checkKeys(options)
  const algorithm = checkAlgorithm(options.algorithm)
  options.signal?.throwIfAborted()
  const view = asBytes(bytes)
  const length = view.byteLength
  if (length <= SLICE) return toDigests(native.hashBytes(view, algorithm))
  const hasher = new native.NativeSliced(algorithm, length)
  for (let start = 0; start < length; start += SLICE) {
    if (start > 0) await setImmediate()
    options.signal?.throwIfAborted()
    hasher.update(unchanged(bytes, length).subarray(start, start + SLICE))
    options.onProgress?.(progress(Math.min(start + SLICE, length), length))
  }
  return toDigests(hasher.finish())
}

/** Return the bytes behind a buffer or view, without a copy. */
export function asBytes(bytes: ArrayBufferLike | ArrayBufferView): Uint8Array {
  if (ArrayBuffer.isView(bytes)) return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes instanceof ArrayBuffer || isSharedBuffer(bytes)) return new Uint8Array(bytes)
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'the input is not bytes', {
    expected: 'an ArrayBuffer, a typed array, a DataView or a Buffer',
    received: typeof bytes,
  })
}

function isSharedBuffer(value: unknown): value is SharedArrayBuffer {
  return typeof SharedArrayBuffer !== 'undefined' && value instanceof SharedArrayBuffer
}

/** Return the bytes of a buffer, and throw if it no longer has the `length` bytes it had at the start. */
export function unchanged(bytes: ArrayBufferLike | ArrayBufferView, length: number): Uint8Array {
  let current: Uint8Array | undefined
  try {
    current = asBytes(bytes)
  } catch (cause) {
    // A transferred buffer is detached, and every access throws a TypeError.
    if (!(cause instanceof TypeError)) throw cause
  }
  if (current?.byteLength === length) return current
  throw new LineaprintError(
    'ERR_LINEAPRINT_CHANGED',
    'the buffer was resized or transferred while it was hashed',
    {
      expected: `${length} bytes`,
      received: current === undefined ? 'a detached buffer' : `${current.byteLength} bytes`,
    },
  )
}

function progress(bytesDone: number, bytesTotal: number): Progress {
  return { bytesDone, bytesTotal, filesDone: 0, filesTotal: 0 }
}
