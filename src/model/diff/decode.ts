/** Decoding of tensor bytes into numbers. */

/** The decoder of the elements of one dtype. */
export type Decoder =
  | {
      readonly kind: 'number'
      readonly width: number
      /** Decode `count` elements from the start of `bytes`, which is aligned, into `into`. */
      readonly decode: (bytes: Uint8Array, count: number, into: Float64Array) => void
    }
  | { readonly kind: 'big'; readonly width: 8; readonly view: (bytes: Uint8Array) => BigIntArray }

/** 64-bit integers: a double cannot hold all their digits. */
export type BigIntArray = BigInt64Array | BigUint64Array

type Viewed = ArrayLike<number>

function direct(width: number, view: (buffer: ArrayBufferLike, length: number) => Viewed): Decoder {
  return {
    kind: 'number',
    width,
    decode: (bytes, count, into) => {
      const values = view(bytes.buffer, count)
      for (let index = 0; index < count; index++) into[index] = values[index] ?? NaN
    },
  }
}

function tableDecoder(width: 1 | 2, makeTable: () => Float64Array): Decoder {
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

/**
 * The decoders by dtype as safetensors spells it. All platforms of the addon are little-endian, as is the
 * format.
 */
const DECODERS: ReadonlyMap<string, Decoder> = new Map<string, Decoder>([
  ['F64', direct(8, (buffer, length) => new Float64Array(buffer, 0, length))],
  ['F32', direct(4, (buffer, length) => new Float32Array(buffer, 0, length))],
  ['F16', tableDecoder(2, () => floatTable(5, 10, true))],
  ['BF16', tableDecoder(2, () => floatTable(8, 7, true))],
  ['F8_E5M2', tableDecoder(1, () => floatTable(5, 2, true))],
  ['F8_E4M3', tableDecoder(1, () => floatTable(4, 3, false))],
  ['I32', direct(4, (buffer, length) => new Int32Array(buffer, 0, length))],
  ['U32', direct(4, (buffer, length) => new Uint32Array(buffer, 0, length))],
  ['I16', direct(2, (buffer, length) => new Int16Array(buffer, 0, length))],
  ['U16', direct(2, (buffer, length) => new Uint16Array(buffer, 0, length))],
  ['I8', direct(1, (buffer, length) => new Int8Array(buffer, 0, length))],
  ['U8', direct(1, (buffer, length) => new Uint8Array(buffer, 0, length))],
  ['BOOL', direct(1, (buffer, length) => new Uint8Array(buffer, 0, length))],
  ['I64', { kind: 'big', width: 8, view: (bytes) => new BigInt64Array(bytes.buffer) }],
  ['U64', { kind: 'big', width: 8, view: (bytes) => new BigUint64Array(bytes.buffer) }],
])

/** Return the decoder of a dtype; `undefined` if its values cannot be compared as numbers. */
export function decoderOf(dtype: string): Decoder | undefined {
  return DECODERS.get(dtype)
}
