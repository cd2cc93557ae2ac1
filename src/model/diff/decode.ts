/** Decoding of tensor bytes into numbers. */
import { elementBytes } from '../../core/dtypes.ts'

/** The decoder of the elements of one dtype. */
export type Decoder =
  | {
      readonly kind: 'number'
      readonly width: number
      /** Reads `count` elements from the start of the buffer of `bytes` into `into`. */
      readonly decode: (bytes: Uint8Array, count: number, into: Float64Array) => void
    }
  | { readonly kind: 'big'; readonly width: 8; readonly view: (bytes: Uint8Array) => BigIntArray }

/** 64-bit integers: a double cannot hold all their digits. */
export type BigIntArray = BigInt64Array | BigUint64Array

type Viewed = ArrayLike<number>

type View = (buffer: ArrayBufferLike, length: number) => Viewed

function viewed(dtype: string, view: View): Decoder {
  return {
    kind: 'number',
    width: widthOf(dtype),
    decode: (bytes, count, into) => {
      const values = view(bytes.buffer, count)
      for (let index = 0; index < count; index++) into[index] = values[index] ?? NaN
    },
  }
}

function tabulated(dtype: string, makeTable: () => Float64Array): Decoder {
  const width = widthOf(dtype)
  let table: Float64Array | undefined
  return {
    kind: 'number',
    width,
    decode: (bytes, count, into) => {
      const values = (table ??= makeTable())
      const codes = width === 1 ? bytes : new Uint16Array(bytes.buffer, 0, count)
      for (let index = 0; index < count; index++) into[index] = values[codes[index] ?? 0] ?? NaN
    },
  }
}

/**
 * Compute the value of every code of a small binary float. Without `infinite`, only the code of all ones is
 * NaN, and there is no infinity.
 */
function floatTable(exponentBits: number, mantissaBits: number, infinite: boolean): Float64Array {
  const bits = 1 + exponentBits + mantissaBits
  const bias = 2 ** (exponentBits - 1) - 1
  const top = 2 ** exponentBits - 1
  const unit = 2 ** mantissaBits
  return Float64Array.from({ length: 2 ** bits }, (_, code) => {
    const sign = code >> (bits - 1) ? -1 : 1
    const exponent = (code >> mantissaBits) & top
    const mantissa = code & (unit - 1)
    if (infinite && exponent === top) return mantissa === 0 ? sign * Infinity : NaN
    if (!infinite && exponent === top && mantissa === unit - 1) return NaN
    return exponent === 0
      ? sign * mantissa * 2 ** (1 - bias - mantissaBits)
      : sign * (1 + mantissa / unit) * 2 ** (exponent - bias)
  })
}

function widthOf(dtype: string): number {
  return elementBytes(dtype) ?? NaN
}

/** Elements that JavaScript has an array for. Platforms of the addon are all little-endian, as the format is. */
const VIEWS: Readonly<Record<string, View>> = {
  F64: (buffer, length) => new Float64Array(buffer, 0, length),
  F32: (buffer, length) => new Float32Array(buffer, 0, length),
  I32: (buffer, length) => new Int32Array(buffer, 0, length),
  U32: (buffer, length) => new Uint32Array(buffer, 0, length),
  I16: (buffer, length) => new Int16Array(buffer, 0, length),
  U16: (buffer, length) => new Uint16Array(buffer, 0, length),
  I8: (buffer, length) => new Int8Array(buffer, 0, length),
  U8: (buffer, length) => new Uint8Array(buffer, 0, length),
  BOOL: (buffer, length) => new Uint8Array(buffer, 0, length),
}

/** Elements of so few bits that each has its number in a table. */
const TABLES: Readonly<Record<string, () => Float64Array>> = {
  F16: () => floatTable(5, 10, true),
  BF16: () => floatTable(8, 7, true),
  F8_E5M2: () => floatTable(5, 2, true),
  F8_E4M3: () => floatTable(4, 3, false),
}

const DECODERS: ReadonlyMap<string, Decoder> = new Map<string, Decoder>([
  ...Object.entries(VIEWS).map(([dtype, view]) => [dtype, viewed(dtype, view)] as const),
  ...Object.entries(TABLES).map(([dtype, table]) => [dtype, tabulated(dtype, table)] as const),
  ['I64', { kind: 'big', width: 8, view: (bytes) => new BigInt64Array(bytes.buffer) }],
  ['U64', { kind: 'big', width: 8, view: (bytes) => new BigUint64Array(bytes.buffer) }],
])

/** Return the decoder of a dtype; `undefined` if its values cannot be compared as numbers. */
export function decoderOf(dtype: string): Decoder | undefined {
  return DECODERS.get(dtype)
}
