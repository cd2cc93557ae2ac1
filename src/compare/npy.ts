/** Comparison of two NumPy arrays whose files differ: equal data, or equal within a tolerance. */
import { open } from 'node:fs/promises'
import { basename } from 'node:path'
import { NUMPY_DTYPES, hasDistance } from '../core/dtypes.ts'
import { LineaprintError } from '../core/errors.ts'
import { storeError } from '../util/fs.ts'
import { isSameData, largestDifference } from './numbers.ts'
import type { FileVerdict, Tolerance } from './file-verdict.ts'
import type { Elements } from './numbers.ts'

/** The header of a `.npy` file. */
export interface ArrayHead {
  /** Type as NumPy writes it: `<f4`. */
  readonly type: string
  readonly fortranOrder: boolean
  readonly shape: readonly number[]
  /** Offset of the data, in bytes. */
  readonly start: number
  readonly length: number
}

/**
 * Largest length of a header in bytes. A header has some dozens of characters; a longer one describes no
 * simple array.
 */
const HEAD_LIMIT = 64 << 10

/** Compare two `.npy` files whose bytes differ. */
export async function compareArrays(
  before: string,
  after: string,
  { tolerance, signal }: Tolerance,
): Promise<FileVerdict> {
  const heads = [await readHead(before), await readHead(after)] as const
  const [headBefore, headAfter] = heads
  if (typeof headBefore === 'string' || typeof headAfter === 'string') {
    const reason = heads.find((head) => typeof head === 'string') ?? ''
    return different(`the bytes differ, and the arrays cannot be compared: ${reason}`)
  }
  const [textBefore, textAfter] = [describeArray(headBefore), describeArray(headAfter)]
  if (textBefore !== textAfter) {
    const differences = [{ field: 'array', before: textBefore, after: textAfter }]
    return { verdict: 'different', detail: `it was ${textBefore} and is ${textAfter}`, differences }
  }
  const pair = [elements(before, headBefore), elements(after, headAfter)] as const
  if (await isSameData(...pair, signal))
    return { verdict: 'same-tensors', detail: 'the bytes differ, the array is the same', differences: [] }
  if (tolerance === undefined || !hasDistance(pair[0].dtype))
    return different(`the elements differ: ${textBefore}`)
  const largest = await largestDifference(...pair, signal)
  const verdict = largest <= tolerance ? 'within-tolerance' : 'different'
  const detail =
    verdict === 'different'
      ? `elements differ by up to ${largest}`
      : `no element differs by more than ${largest}`
  return { verdict, detail, differences: [], maxDifference: largest }
}

function different(detail: string): FileVerdict {
  return { verdict: 'different', detail, differences: [] }
}

/** Return the type and shape of an array as a text. */
export function describeArray({ type, fortranOrder, shape }: ArrayHead): string {
  return `${type} [${shape.join(', ')}]${fortranOrder ? ' in Fortran order' : ''}`
}

function elements(path: string, { type, start, length }: ArrayHead): Elements {
  return { path, name: basename(path), dtype: NUMPY_DTYPES.get(type) ?? type, start, end: start + length }
}

/**
 * Parse the header, or return why the file is not a simple array. The size of the file is checked against the
 * header.
 */
export async function readHead(path: string): Promise<ArrayHead | string> {
  try {
    await using handle = await open(path, 'r')
    const { size } = await handle.stat()
    const buffer = Buffer.alloc(Math.min(size, HEAD_LIMIT))
    await handle.read(buffer, 0, buffer.length, 0)
    return parseHead(buffer, size)
  } catch (cause) {
    if (LineaprintError.is(cause)) throw cause
    throw storeError(path, 'it cannot be read', cause)
  }
}

function parseHead(buffer: Buffer, size: number): ArrayHead | string {
  if (buffer.length < 12 || buffer.toString('latin1', 0, 6) !== '\x93NUMPY') return 'not a .npy file'
  const isFirst = buffer[6] === 1
  const start = isFirst ? 10 + buffer.readUInt16LE(8) : 12 + buffer.readUInt32LE(8)
  if (start > buffer.length) return 'the .npy header is longer than the file'
  const head = buffer.toString('latin1', isFirst ? 10 : 12, start)
  const type = /'descr': '([<>|=]?[a-z]\d+)'/.exec(head)?.[1]
  const order = /'fortran_order': (True|False)/.exec(head)?.[1]
  const shape = /'shape': \(([\d, ]*)\)/.exec(head)?.[1]
  if (type === undefined || order === undefined || shape === undefined) return 'the elements are not numbers'
  const lengths = (shape.match(/\d+/g) ?? []).map(Number)
  const width = Number(/\d+$/.exec(type)?.[0]) * (type.includes('U') ? 4 : 1)
  const length = lengths.reduce((product, dimension) => product * dimension, width)
  if (start + length !== size) return 'the file length does not match its header'
  return { type, fortranOrder: order === 'True', shape: lengths, start, length }
}
