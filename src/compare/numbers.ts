/** Elementwise numeric comparison of two tensors. */
import { basename, dirname, join } from 'node:path'
import { LineaprintError } from '../core/errors.ts'
import { decoderOf } from '../model/diff/decode.ts'
import { openRegular } from '../util/own-file.ts'
import { isIndexPath } from '../model/families.ts'
import type { FileHandle } from 'node:fs/promises'
import type { ModelReport, TensorInfo } from '../model/read.ts'

/** Bytes of each tensor in memory at a time; a multiple of every element size. */
const CHUNK_BYTES = 4 << 20

/** Elements of one type in a file. */
export interface Elements {
  readonly path: string
  /** Name for error messages. */
  readonly name: string
  /** The dtype, as in safetensors. */
  readonly dtype: string
  /** Offset of the first element in the file, in bytes. */
  readonly start: number
  readonly end: number
}

/** Return the location of the elements of a tensor of a model; `undefined` if they do not lie in one piece. */
export function elementsOf(
  report: ModelReport,
  { name, dtype, start, end, file }: TensorInfo,
): Elements | undefined {
  if (start === undefined || end === undefined) return undefined
  // The path of a model is a file, the index next to its files, or their folder.
  const { path, files } = report
  const isFile = isIndexPath(path) || files.some((modelFile) => modelFile.name === basename(path))
  return { path: join(isFile ? dirname(path) : path, file), name, dtype, start, end }
}

/** Return the distance of two numbers. NaN is equal to NaN and infinitely far from everything else. */
export function distance(a: number, b: number): number {
  if (a === b || (Number.isNaN(a) && Number.isNaN(b))) return 0
  const difference = Math.abs(a - b)
  return Number.isNaN(difference) ? Infinity : difference
}

/**
 * Compute the largest absolute difference of two tensors of equal dtype and shape.
 *
 * Cost: one read of both, in chunks of 4 MiB.
 */
export async function largestDifference(
  a: Elements,
  b: Elements,
  signal: AbortSignal | undefined,
): Promise<number> {
  await using fileA = await openRegular(a.path)
  await using fileB = await openRegular(b.path)
  let largest = 0
  for (let at = 0; at < a.end - a.start; at += CHUNK_BYTES) {
    signal?.throwIfAborted()
    const length = Math.min(CHUNK_BYTES, a.end - a.start - at)
    const [left, right] = [
      numbersOf(a.dtype, await readExactly(fileA, a, at, length)),
      numbersOf(b.dtype, await readExactly(fileB, b, at, length)),
    ]
    for (let index = 0; index < left.length; index++) {
      const difference = distance(left[index] ?? NaN, right[index] ?? NaN)
      if (difference > largest) largest = difference
    }
  }
  return largest
}

/** Check whether the bytes of two tensors are equal. */
export async function isSameData(
  a: Elements,
  b: Elements,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  if (a.end - a.start !== b.end - b.start) return false
  await using fileA = await openRegular(a.path)
  await using fileB = await openRegular(b.path)
  for (let at = 0; at < a.end - a.start; at += CHUNK_BYTES) {
    signal?.throwIfAborted()
    const length = Math.min(CHUNK_BYTES, a.end - a.start - at)
    if (!(await readExactly(fileA, a, at, length)).equals(await readExactly(fileB, b, at, length)))
      return false
  }
  return true
}

async function readExactly(
  handle: FileHandle,
  { name, start }: Elements,
  at: number,
  length: number,
): Promise<Buffer> {
  const buffer = Buffer.alloc(length)
  let done = 0
  while (done < length) {
    const { bytesRead } = await handle.read(buffer, done, length - done, start + at + done)
    if (bytesRead === 0)
      throw new LineaprintError('ERR_LINEAPRINT_CHANGED', 'the file became shorter while it was read', {
        tensor: name,
      })
    done += bytesRead
  }
  return buffer
}

/** Decode the elements of a chunk. */
function numbersOf(dtype: string, bytes: Buffer): Float64Array {
  const decoder = decoderOf(dtype)
  if (decoder?.kind !== 'number')
    throw new LineaprintError('ERR_LINEAPRINT_INTERNAL', `there is no distance between elements of ${dtype}`)
  const count = bytes.length / decoder.width
  const numbers = new Float64Array(count)
  decoder.decode(bytes, count, numbers)
  return numbers
}
