/** The bytes of values of JavaScript: `docs/format.md`, "Sample order". Python gives the same ones for the same values. */
import { LineaprintError } from '../core/errors.ts'
import { compareUtf8 } from '../util/text-order.ts'
import { dtypeOf, littleEndian } from './array.ts'
import { inOrder } from './strided.ts'
import type { TypedArray } from './array.ts'

/** Levels of values in each other. */
const MAX_DEPTH = 1000

/** Return a number in eight bytes, little-endian. */
export function u64(value: number): Buffer {
  // Of the pool of Node: an array of its own for each number would cost more than what is hashed.
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}

/** An array as bytes, with its dtype and shape. */
export interface ArrayValue {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly bytes: Uint8Array
}

/** An array whose elements no typed array of JavaScript stands for, such as booleans. */
export class LocalArray implements ArrayValue {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly bytes: Uint8Array

  constructor(dtype: string, shape: readonly number[], bytes: Uint8Array) {
    this.dtype = dtype
    this.shape = shape
    this.bytes = bytes
  }
}

/** Return a value as an array with a shape: a typed array, or one with a shape beside it. */
export function arrayOf(value: unknown): ArrayValue | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if (value instanceof LocalArray) return value
  const isShaped = 'data' in value && 'shape' in value && Array.isArray(value.shape)
  const data: unknown = isShaped ? value.data : value
  const dtype = dtypeOf(data)
  if (dtype === undefined) return undefined
  const given = data as TypedArray
  const shape = isShaped ? (value.shape as readonly number[]) : [given.length]
  const typed = isShaped ? inOrder(given, given.length, { ...value, shape }) : given
  if (shape.reduce((product, dimension) => product * dimension, 1) !== typed.length)
    throw unsupported('an array whose shape does not fit its data')
  return { dtype, shape, bytes: littleEndian(typed) }
}

/** Return the entries of a map or a plain object, in the order of the UTF-8 bytes of their keys. */
export function entriesOf(value: unknown): [key: string, value: unknown][] | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const prototype: unknown = Object.getPrototypeOf(value)
  const entries =
    value instanceof Map
      ? [...(value as ReadonlyMap<unknown, unknown>)]
      : prototype === Object.prototype || prototype === null
        ? Object.entries(value)
        : undefined
  if (entries === undefined) return undefined
  return entries
    .map(([key, item]): [string, unknown] => {
      if (typeof key !== 'string' || !key.isWellFormed())
        throw unsupported('a key that is not text of Unicode')
      return [key, item]
    })
    .toSorted(([a], [b]) => compareUtf8(a, b))
}

/**
 * Pass the bytes of a value to a function.
 *
 * @throws ERR_LINEAPRINT_UNSUPPORTED for what has no bytes, such as functions and objects of classes, and for values nested
 * more than {@link MAX_DEPTH} deep; ARGUMENT for text that is not Unicode.
 */
export function addValue(value: unknown, take: (bytes: Uint8Array) => void, depth = 0): void {
  if (depth > MAX_DEPTH) throw unsupported(`values nested more than ${MAX_DEPTH} deep`)
  if (value === null || value === undefined) return take(Buffer.from('n'))
  if (typeof value === 'boolean') return take(Buffer.from(value ? 't' : 'f'))
  if (typeof value === 'number' || typeof value === 'bigint') return take(numberBytes(value))
  if (typeof value === 'string') return take(textBytes(value))
  if (value instanceof ArrayBuffer)
    return take(Buffer.concat([Buffer.from('b'), u64(value.byteLength), new Uint8Array(value)]))
  const array = arrayOf(value)
  if (array !== undefined) {
    take(headOf(array.dtype, array.shape))
    return take(array.bytes)
  }
  if (Array.isArray(value)) {
    take(Buffer.concat([Buffer.from('l'), u64(value.length)]))
    for (const item of value as readonly unknown[]) addValue(item, take, depth + 1)
    return
  }
  const entries = entriesOf(value)
  if (entries === undefined) throw unsupported(typeof value === 'object' ? nameOf(value) : typeof value)
  take(Buffer.concat([Buffer.from('m'), u64(entries.length)]))
  for (const [key, item] of entries) {
    take(textBytes(key))
    addValue(item, take, depth + 1)
  }
}

/** Return what comes before the elements of an array. */
export function headOf(dtype: string, shape: readonly number[]): Buffer {
  const parts = [
    Buffer.from('a'),
    u64(dtype.length),
    Buffer.from(dtype),
    u64(shape.length),
    ...shape.map(u64),
  ]
  return Buffer.concat(parts)
}

/** A number with the value of an integer is that integer, whatever its type. */
function numberBytes(value: number | bigint): Buffer {
  if (typeof value === 'bigint' || (Number.isSafeInteger(value) && !Object.is(value, -0)))
    return Buffer.from(`i${value};`)
  const bytes = Buffer.allocUnsafe(9)
  bytes.write('d')
  bytes.writeDoubleLE(value, 1)
  return bytes
}

/**
 * Return the bytes of a text.
 *
 * @throws ERR_LINEAPRINT_ARGUMENT for half of a surrogate pair: every encoder would write U+FFFD, the same for different texts.
 */
export function textBytes(value: string): Buffer {
  const bytes = utf8Of(value, 'a text')
  return Buffer.concat([Buffer.from('s'), u64(bytes.byteLength), bytes])
}

/** Return a text that is hashed as UTF-8. @throws ERR_LINEAPRINT_ARGUMENT for half of a surrogate pair. */
export function utf8Of(value: string, what: string): Buffer {
  if (value.isWellFormed()) return Buffer.from(value)
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `${what} is not Unicode`, {
    expected: 'text without half of a surrogate pair, which UTF-8 cannot hold',
    received: JSON.stringify(value.slice(0, 40)),
  })
}

/** Return the name of the class of an object, without calling anything of it. */
function nameOf(value: object): string {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (typeof prototype !== 'object' || prototype === null) return 'an object'
  const own: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value
  return typeof own === 'function' ? own.name : 'an object of a class'
}

/** Return the error of a value that has no bytes. */
export function unsupported(what: string): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_UNSUPPORTED', `a value has no digest: ${what}`, {
    expected: 'typed arrays, { data, shape }, lists, maps, plain objects, text, numbers, booleans and null',
  })
}
