/** Tensors in memory: their form, and their elements as the bytes that a file holds. */
import { DTYPES } from '../core/dtypes.ts'
import { LineaprintError } from '../core/errors.ts'
import { checkKnown, checkObject } from '../core/options.ts'
import { dtypeOf, littleEndian } from '../hash/array.ts'
import { asBytes } from '../hash/bytes.ts'
import type { TypedArray } from '../hash/array.ts'

/** A tensor in memory, in C order. */
export interface TensorData {
  /**
   * Data type as safetensors spells it. Give it for types that JavaScript has no array for: the elements are the bits in
   * an unsigned array (BF16 in a `Uint16Array`), or little-endian bytes. @default that of the typed array
   */
  readonly dtype?: string | undefined
  /** Elements per axis; empty for a scalar. */
  readonly shape: readonly number[]
  readonly data: TypedArray | ArrayBufferLike | DataView
}

/** A tensor with its elements as bytes, little-endian and in C order. */
export interface TensorBytes {
  readonly name: string
  readonly dtype: string
  readonly shape: readonly number[]
  readonly bytes: Uint8Array
  /** Their number, also if the buffer is transferred later. */
  readonly size: number
}

/** Name in the header of safetensors that stands for no tensor. */
export const METADATA = '__metadata__'

/** Typed arrays whose elements can be the bits of another type of their width. */
const BIT_ARRAYS: ReadonlySet<string | undefined> = new Set(['U8', 'U16', 'U32', 'U64'])

/**
 * Return a tensor with its elements as bytes, which are not copied.
 *
 * @throws ERR_LINEAPRINT_ARGUMENT for data that does not fit its shape and dtype, and for a name that no file can hold.
 */
export function tensorBytes(name: string, given: unknown): TensorBytes {
  const field = `tensors.${name}`
  checkObject(given, field)
  checkKnown(given as object, ['dtype', 'shape', 'data'], `${field}.`)
  const tensor = given as TensorData
  if (name === METADATA) throw refusal(field, 'this name is reserved', 'the name of a tensor', name)
  if (!name.isWellFormed()) throw refusal(field, 'the name is not Unicode', 'text', JSON.stringify(name))
  const { shape } = tensor
  if (!Array.isArray(shape) || !shape.every((size) => Number.isSafeInteger(size) && size >= 0))
    throw refusal(`${field}.shape`, 'this is not a shape', 'an array of whole numbers', String(shape))
  const own = dtypeOf(tensor.data)
  const dtype = tensor.dtype ?? own
  const bits = dtype === undefined || !Object.hasOwn(DTYPES, dtype) ? undefined : DTYPES[dtype]?.bits
  if (dtype === undefined || bits === undefined)
    throw refusal(`${field}.dtype`, 'unknown dtype', Object.keys(DTYPES).join(', '), String(tensor.dtype))
  if (own !== undefined && own !== dtype && !carries(own, bits))
    throw refusal(`${field}.dtype`, 'the array has another dtype', `${own}, or an unsigned array`, dtype)
  // The bytes of a typed array are in the order of this machine.
  const bytes = own === undefined ? asBytes(tensor.data) : littleEndian(tensor.data as TypedArray)
  const wanted = (shape.reduce((product, size) => product * size, 1) * bits) / 8
  if (bytes.byteLength !== wanted)
    throw refusal(
      field,
      'the data does not fit its shape and dtype',
      `${wanted} bytes for ${dtype} [${shape.join(', ')}]`,
      `${bytes.byteLength} bytes`,
    )
  return { name, dtype, shape, bytes, size: wanted }
}

/** Check whether an array holds the bits of another type: one of that width, or its bytes. */
function carries(own: string, bits: number): boolean {
  return own === 'U8' || (BIT_ARRAYS.has(own) && DTYPES[own]?.bits === bits)
}

function refusal(field: string, message: string, expected: string, received: string): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_ARGUMENT', message, { field, expected, received })
}
