/** Typed arrays as tensors: dtype, shape and element bits. */
import { endianness } from 'node:os'
import { primary, toDigests } from '../core/digest.ts'
import { ARRAY_DTYPES, elementBytes } from '../core/dtypes.ts'
import { LineaprintError } from '../core/errors.ts'
import { native } from '../native/load.ts'
import { checkKeys } from '../core/options.ts'
import { checkSample } from './sample/options.ts'
import { SampleReport } from './sample/report.ts'
import { sampleElements } from './sample/array.ts'
import { TYPED_ARRAY_PROTOTYPE, asBytes, digestBytes, isBytes } from './bytes.ts'
import type { AlgorithmChoice, Digest, Digests } from '../core/digest.ts'
import { inOrder } from './strided.ts'
import type { Strided } from './strided.ts'
import type { TypedArray } from './typed-array.ts'
import type { HashOptions } from '../core/options.ts'
import type { SampledHashOptions } from './sample/options.ts'

export type { TypedArray } from './typed-array.ts'

/** A typed array with the shape of the tensor it holds: in C order, or with strides. */
export interface ShapedArray extends Strided {
  readonly data: TypedArray
}

/** A hashed array. */
export interface ArrayHash<A extends AlgorithmChoice = AlgorithmChoice> {
  /** The `tensor` digest; BLAKE3 if both were requested. */
  readonly digest: Digest
  readonly digests: Digests<A>
  /**
   * Plain digests of the elements alone, for comparing data under another shape; none if only a sample was
   * read.
   */
  readonly data: Digests
  /** Data type as safetensors spells it, for example `F64`. */
  readonly dtype: string
  readonly shape: readonly number[]
  /** Bytes of the elements. */
  readonly bytes: number
  /** The extent of the sample; only if one was requested. */
  readonly sample?: SampleReport
}

/** Check whether a value is a typed array whose elements have a dtype. */
export function isTypedArray(value: unknown): value is TypedArray {
  return dtypeOf(value) !== undefined
}

/**
 * Return the dtype of a typed array. It is read from the tag, not the class, so that arrays of another realm
 * count as well.
 */
export function dtypeOf(value: unknown): string | undefined {
  if (!ArrayBuffer.isView(value)) return undefined
  const tag = Object.getOwnPropertyDescriptor(TYPED_ARRAY_PROTOTYPE, Symbol.toStringTag)?.get?.call(
    value,
  ) as unknown
  return typeof tag === 'string' ? ARRAY_DTYPES.get(tag) : undefined
}

/** Return the number of elements of a typed array, whatever property a caller has defined on it. */
function lengthOf(array: TypedArray): number {
  return Object.getOwnPropertyDescriptor(TYPED_ARRAY_PROTOTYPE, 'length')?.get?.call(array) as number
}

/**
 * Hash a typed array as a tensor: equal only for the same dtype, shape and element bits. `-0` and `0` differ,
 * and so do the payloads of NaN.
 *
 * Cost: the hash of its bytes, on all cores, without a copy. With `sample`, only the chosen elements are
 * gathered and hashed, and the digest is a `sampled` one.
 *
 * @param array A typed array (its shape is its length), one with a shape, or a buffer or `DataView`, which is an array of `U8`.
 */
export async function hashArray<A extends AlgorithmChoice = 'blake3'>(
  array: TypedArray | ShapedArray | ArrayBufferLike | DataView,
  options: SampledHashOptions<A> = {},
): Promise<ArrayHash<A>> {
  checkKeys(options, ['sample'])
  const given = !isTypedArray(array) && isBytes(array) ? asBytes(array) : array
  const layout = isTypedArray(given) ? { data: given, shape: [lengthOf(given)] } : checkShaped(given)
  const { shape } = layout
  const dtype = dtypeOf(layout.data)
  if (dtype === undefined) {
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'this is not a typed array', {
      expected: [...ARRAY_DTYPES.keys()].join(', '),
      received: typeof layout.data,
    })
  }
  const data = inOrder(layout.data, lengthOf(layout.data), layout)
  const bytes = littleEndian(data)
  const [length, { byteLength }] = [lengthOf(data), bytes]
  checkShape(shape, length)
  const { sample, ...rest } = options
  const plan = checkSample(sample)
  const about = { dtype, shape: [...shape], bytes: byteLength }
  const width = length === 0 ? data.BYTES_PER_ELEMENT : byteLength / length
  const sampled = plan && (await sampleElements(bytes, width, about, plan, rest))
  if (sampled) {
    const { digests, sample: extent } = sampled
    return { digest: primary(digests), digests: digests as Digests<A>, data: {}, ...about, sample: extent }
  }
  const dataDigests: Digests = await digestBytes<AlgorithmChoice>(bytes, rest)
  const raw = native.tensorDigest(dtype, [...shape], dataDigests.blake3?.bytes, dataDigests.sha256?.bytes)
  const digests = toDigests(raw, 'tensor') as Digests<A>
  const all = { sampled: false, units: length, unitsRead: length }
  const extent = { ...all, bytes: byteLength, bytesRead: byteLength }
  const report = plan && { sample: new SampleReport('tensor', extent) }
  return { digest: primary(digests), digests, data: dataDigests, ...about, ...report }
}

/** Hash a tensor whose elements are bytes in C order, little-endian. */
export async function digestTensor(
  dtype: string,
  shape: readonly number[],
  bytes: Uint8Array,
  options: HashOptions,
): Promise<Omit<ArrayHash, 'sample'>> {
  const width = elementBytes(dtype) ?? 1
  checkShape(shape, bytes.byteLength / width)
  const data = await digestBytes<AlgorithmChoice>(bytes, options)
  const raw = native.tensorDigest(dtype, [...shape], data.blake3?.bytes, data.sha256?.bytes)
  const digests = toDigests(raw, 'tensor')
  return { digest: primary(digests), digests, data, dtype, shape: [...shape], bytes: bytes.byteLength }
}

function checkShaped(array: unknown): ShapedArray {
  if (typeof array === 'object' && array !== null && 'data' in array && 'shape' in array) {
    if (Array.isArray(array.shape)) return array as ShapedArray
  }
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'this is not a typed array', {
    expected: `${[...ARRAY_DTYPES.keys()].join(', ')}, or { data, shape }`,
    received: array === null ? 'null' : typeof array,
  })
}

function checkShape(shape: readonly number[], length: number): void {
  const whole = shape.every((dimension) => Number.isSafeInteger(dimension) && dimension >= 0)
  const elements = shape.reduce((product, dimension) => product * dimension, 1)
  if (whole && elements === length) return
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'the shape does not fit the data', {
    field: 'shape',
    expected: `${length} elements`,
    received: `[${shape.join(', ')}]`,
  })
}

/** Return the elements as little-endian bytes. Only big-endian machines need a swapped copy. */
export function littleEndian(data: TypedArray): Uint8Array {
  const bytes = asBytes(data)
  if (endianness() === 'LE' || data.BYTES_PER_ELEMENT === 1) return bytes
  const copy = Buffer.from(bytes)
  if (data.BYTES_PER_ELEMENT === 2) return copy.swap16()
  if (data.BYTES_PER_ELEMENT === 4) return copy.swap32()
  return copy.swap64()
}
