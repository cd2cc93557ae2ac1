/** Arrays whose elements do not lie in C order: views that libraries for arrays make of their data. */
import { LineaprintError } from '../core/errors.ts'
import { TYPED_ARRAY_PROTOTYPE, asBytes } from './bytes.ts'
import type { TypedArray } from './typed-array.ts'

/** The position of each element of an array in its data. Steps and offset count elements. */
export interface Strided {
  readonly shape: readonly number[]
  /** Steps between neighbours in each dimension, as `ndarray` names them. */
  readonly stride?: readonly number[] | undefined
  /** The same, as `@stdlib/ndarray` names them. */
  readonly strides?: readonly number[] | undefined
  /** Index of the first element. @default 0 */
  readonly offset?: number | undefined
}

/**
 * Return the elements of an array in C order: the data itself if it holds just these, otherwise a copy.
 *
 * @param length Number of elements of the data.
 * @throws ERR_LINEAPRINT_ARGUMENT for steps that do not fit the shape, or lead out of the data.
 */
export function inOrder(data: TypedArray, length: number, layout: Strided): TypedArray {
  const { shape, offset = 0 } = layout
  const steps = layout.stride ?? layout.strides
  if (steps === undefined && offset === 0) return data
  const elements = shape.reduce((product, dimension) => product * dimension, 1)
  const used = steps ?? ownSteps(shape)
  checkSteps(shape, used, offset, elements, length)
  const isPacked = used.every((step, axis) => shape[axis] === 1 || step === ownSteps(shape)[axis])
  if (elements === 0 || (isPacked && offset === 0 && elements === length)) return data.subarray(0, elements)
  const copy = emptyLike(data, elements)
  // Elements are moved as whole numbers: a float that is a NaN could come out with other bits.
  const [source, target] = [asWholes(data), asWholes(copy)]
  const words = target.length / Math.max(1, elements)
  const index = shape.map(() => 0)
  let at = offset
  for (let element = 0; element < elements; element++) {
    for (let word = 0; word < words; word++)
      target[element * words + word] = source[at * words + word] as number
    // The last dimension moves fastest; one that is at its end goes back to its start.
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const step = used[axis] ?? 0
      const next = (index[axis] ?? 0) + 1
      if (next < (shape[axis] ?? 0)) {
        index[axis] = next
        at += step
        break
      }
      at -= step * (next - 1)
      index[axis] = 0
    }
  }
  return copy
}

/** Return the elements of an array as whole numbers; those of eight bytes as two of them. */
function asWholes(data: TypedArray): Uint8Array | Uint16Array | Uint32Array {
  const { buffer, byteOffset, byteLength } = asBytes(data)
  switch (data.BYTES_PER_ELEMENT) {
    case 1:
      return new Uint8Array(buffer, byteOffset, byteLength)
    case 2:
      return new Uint16Array(buffer, byteOffset, byteLength / 2)
    default:
      return new Uint32Array(buffer, byteOffset, byteLength / 4)
  }
}

/** Return a copy of an array, of the same class and bits. */
export function copyOf(data: TypedArray): TypedArray {
  const bytes = asBytes(data)
  const copy = emptyLike(data, bytes.byteLength / data.BYTES_PER_ELEMENT)
  asBytes(copy).set(bytes)
  return copy
}

/** Return an array of the same elements. A subclass such as `Buffer` has a constructor of its own, which is not called. */
function emptyLike(data: TypedArray, length: number): TypedArray {
  const tag = Object.getOwnPropertyDescriptor(TYPED_ARRAY_PROTOTYPE, Symbol.toStringTag)?.get?.call(
    data,
  ) as string
  const classes = globalThis as unknown as Readonly<Record<string, new (size: number) => TypedArray>>
  const ArrayClass = classes[tag]
  if (ArrayClass === undefined)
    throw new LineaprintError('ERR_LINEAPRINT_INTERNAL', `this JavaScript has no ${tag}`)
  return new ArrayClass(length)
}

/** Return the steps of C order. */
function ownSteps(shape: readonly number[]): number[] {
  const steps: number[] = []
  let step = 1
  for (const dimension of shape.toReversed()) {
    steps.unshift(step)
    step *= dimension
  }
  return steps
}

function checkSteps(
  shape: readonly number[],
  steps: readonly number[],
  offset: number,
  elements: number,
  length: number,
): void {
  const isWhole =
    Array.isArray(steps) && [...steps, offset, ...shape].every((value) => Number.isSafeInteger(value))
  if (!isWhole || steps.length !== shape.length || shape.some((dimension) => dimension < 0))
    throw refusal(`${shape.length} whole numbers, one for each dimension, and a whole offset`, steps, offset)
  if (elements === 0) return
  const ends = steps.map((step, axis) => step * ((shape[axis] ?? 1) - 1))
  const least = offset + ends.reduce((sum, end) => sum + Math.min(0, end), 0)
  const most = offset + ends.reduce((sum, end) => sum + Math.max(0, end), 0)
  if (least < 0 || most >= length || elements > Number.MAX_SAFE_INTEGER)
    throw refusal(`positions from 0 to ${length - 1}`, steps, offset)
}

function refusal(expected: string, steps: unknown, offset: unknown): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'the strides do not fit the data', {
    field: 'strides',
    expected,
    received: `${JSON.stringify(steps)?.slice(0, 80)} from ${String(offset)}`,
  })
}
