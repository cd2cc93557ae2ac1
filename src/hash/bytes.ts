/**
 * Plain digests of bytes in memory.
 *
 * The addon reads JavaScript's memory only while this thread waits inside the call, so nothing is copied and
 * nothing can be written, resized or transferred during the read. Long buffers are hashed in slices of a few
 * milliseconds; other callbacks run in between.
 */
import { setImmediate } from 'node:timers/promises'
import { isAnyArrayBuffer, isArrayBuffer, isDataView, isUint8Array } from 'node:util/types'
import { primary, toDigests } from '../core/digest.ts'
import { ProgressListener } from '../core/progress.ts'
import { LineaprintError } from '../core/errors.ts'
import { native } from '../native/load.ts'
import { checkAlgorithm, checkKeys } from '../core/options.ts'
import type { Progress, HashOptions } from '../core/options.ts'
import type { AlgorithmChoice, Digest, Digests, RawDigests } from '../core/digest.ts'

/** Bytes hashed in one call: about 4 ms of SHA-256 or 1 ms of BLAKE3 on one core. */
const SLICE = 8 << 20

/** The result of {@link hashBytes}. */
export interface BytesHash<A extends AlgorithmChoice = AlgorithmChoice> {
  /** Length in bytes. */
  readonly size: number
  /** The digest; BLAKE3 if both were requested. */
  readonly digest: Digest
  /** Every requested digest. */
  readonly digests: Digests<A>
}

/**
 * Hash bytes in memory with the standard hash, BLAKE3 on all cores.
 *
 * Do not write to a buffer over 8 MiB before the promise settles: it is not copied. If it is resized or
 * transferred in the meantime, the call throws ERR_LINEAPRINT_CHANGED.
 *
 * @param bytes A buffer or any view of one; its bytes count, not its element type.
 */
export async function hashBytes<A extends AlgorithmChoice = 'blake3'>(
  bytes: ArrayBufferLike | ArrayBufferView,
  options: HashOptions<A> = {},
): Promise<BytesHash<A>> {
  checkKeys(options)
  const algorithm = checkAlgorithm(options.algorithm)
  options.signal?.throwIfAborted()
  const view = asBytes(bytes)
  // The buffer may be transferred before a later step.
  const size = view.byteLength
  const raw =
    size <= SLICE ? native.hashBytes(view, algorithm) : await hashSlices(bytes, size, algorithm, options)
  const digests = toDigests(raw) as Digests<A>
  return { size, digest: primary(digests), digests }
}

/** Hash bytes in memory as {@link hashBytes} does, and return the digests alone. */
export async function digestBytes<A extends AlgorithmChoice = 'blake3'>(
  bytes: ArrayBufferLike | ArrayBufferView,
  options: HashOptions<A> = {},
): Promise<Digests<A>> {
  return (await hashBytes(bytes, options)).digests
}

async function hashSlices(
  bytes: ArrayBufferLike | ArrayBufferView,
  length: number,
  algorithm: AlgorithmChoice,
  options: HashOptions,
): Promise<RawDigests> {
  const hasher = new native.NativeSliced(algorithm, length)
  const listener = new ProgressListener(options.onProgress)
  const read = stableBytes(bytes)
  for (let start = 0; start < length; start += SLICE) {
    if (start > 0) await setImmediate()
    options.signal?.throwIfAborted()
    unchanged(bytes, length)
    hasher.update(read().subarray(start, start + SLICE))
    listener.report(progress(Math.min(start + SLICE, length), length))
    listener.throwIfFailed()
  }
  await listener.end()
  return hasher.finish()
}

/**
 * Return the bytes behind a buffer or view, without a copy. Length and position come from the view itself, not
 * from properties that a caller may have defined on it.
 *
 * @throws ERR_LINEAPRINT_ARGUMENT for anything else, also for a detached buffer and a view that its resized
 * buffer no longer holds.
 */
export function asBytes(bytes: ArrayBufferLike | ArrayBufferView): Uint8Array {
  try {
    if (ArrayBuffer.isView(bytes)) {
      // The length of a typed array that lies out of its buffer is 0; only its methods throw.
      if (!isDataView(bytes)) Uint8Array.prototype.at.call(bytes as Uint8Array<ArrayBuffer>, 0)
      return new Uint8Array(
        propertyOf(bytes, 'buffer') as ArrayBufferLike,
        propertyOf(bytes, 'byteOffset') as number,
        propertyOf(bytes, 'byteLength') as number,
      )
    }
    if (isAnyArrayBuffer(bytes)) return new Uint8Array(bytes)
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'the buffer is detached', {
      expected: 'a buffer with its memory',
      received: 'one that was transferred, or resized to less than this view',
      cause,
    })
  }
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'the input is not bytes', {
    expected: 'an ArrayBuffer, a typed array, a DataView or a Buffer',
    received: bytes === null ? 'null' : typeof bytes,
  })
}

/** Check whether a value is bytes: a `Buffer` or `Uint8Array`, a `DataView`, or a buffer of them. */
export function isBytes(value: unknown): value is ArrayBufferView | ArrayBufferLike {
  return isUint8Array(value) || isDataView(value) || isAnyArrayBuffer(value)
}

/** Read a property of a view with the getter of its class. */
function propertyOf(view: ArrayBufferView, name: 'buffer' | 'byteOffset' | 'byteLength'): unknown {
  const prototype = isDataView(view) ? DataView.prototype : TYPED_ARRAY_PROTOTYPE
  return Object.getOwnPropertyDescriptor(prototype, name)?.get?.call(view)
}

/** The prototype of every typed array. */
export const TYPED_ARRAY_PROTOTYPE: object = Object.getPrototypeOf(Uint8Array.prototype) as object

/**
 * Return a function that gives the bytes for one step of work. Those of a resizable buffer are copied once:
 * shrunk and grown back between two steps, it would have its length again and zeros in the place of its
 * content.
 */
export function stableBytes(bytes: ArrayBufferLike | ArrayBufferView): () => Uint8Array {
  const { buffer } = asBytes(bytes)
  if (!isArrayBuffer(buffer) || !buffer.resizable) return () => asBytes(bytes)
  const copy = asBytes(bytes).slice()
  return () => copy
}

/** Check that a buffer has its memory and length; throw if it no longer has the `length` bytes it had at the start. */
export function unchanged(bytes: ArrayBufferLike | ArrayBufferView, length: number): void {
  let current: Uint8Array | undefined
  try {
    current = asBytes(bytes)
  } catch (cause) {
    if (!LineaprintError.is(cause)) throw cause
  }
  if (current?.byteLength === length) return
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
