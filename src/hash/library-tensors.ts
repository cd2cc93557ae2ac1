/**
 * Tensors of TensorFlow.js and ONNX Runtime in memory, recognised by their shape, so that neither library is needed.
 */
import { LineaprintError } from '../core/errors.ts'
import { asBytes } from './bytes.ts'
import type { TypedArray } from './typed-array.ts'

/** A tensor of TensorFlow.js. */
export interface TfjsTensor {
  readonly dtype: string
  readonly shape: readonly number[]
  data(): Promise<unknown>
}

/** A tensor of ONNX Runtime, in the memory of the program or on a device. */
export interface OnnxTensor {
  readonly type: string
  readonly dims: readonly number[]
  getData(): Promise<unknown>
}

/** A tensor of a library, with its elements in this memory. */
export interface LocalTensor {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly data: TypedArray
}

/** The names of ONNX Runtime and TensorFlow.js for types, and those of `docs/format.md`. */
const DTYPE_NAMES: ReadonlyMap<string, string> = new Map([
  ['bool', 'BOOL'],
  ['uint8', 'U8'],
  ['int8', 'I8'],
  ['uint16', 'U16'],
  ['int16', 'I16'],
  ['float16', 'F16'],
  ['uint32', 'U32'],
  ['int32', 'I32'],
  ['float32', 'F32'],
  ['complex64', 'C64'],
  ['uint64', 'U64'],
  ['int64', 'I64'],
  ['float64', 'F64'],
])

/**
 * Return a promise of a tensor of a library with its elements in this memory; anything else as it is.
 *
 * @param field Its name in errors.
 * @throws ERR_LINEAPRINT_UNSUPPORTED for texts and for types without whole bytes.
 */
export function localTensor(value: unknown, field: string): unknown {
  if (isOnnxTensor(value))
    return value.getData().then((data) => toLocal(value.type, value.dims, data, 'ONNX Runtime', field))
  if (isTfjsTensor(value))
    return value.data().then((data) => toLocal(value.dtype, value.shape, data, 'TensorFlow.js', field))
  return value
}

function toLocal(
  type: string,
  shape: readonly number[],
  data: unknown,
  library: string,
  field: string,
): LocalTensor {
  const dtype = DTYPE_NAMES.get(type)
  if (dtype === undefined || !ArrayBuffer.isView(data)) {
    throw new LineaprintError('ERR_LINEAPRINT_UNSUPPORTED', `this tensor of ${library} is not read`, {
      field,
      expected: [...DTYPE_NAMES.keys()].join(', '),
      received: JSON.stringify(type),
    })
  }
  // TensorFlow.js gives complex numbers as pairs of floats.
  return { dtype, shape, data: dtype === 'C64' ? asBytes(data).slice() : (data as TypedArray) }
}

function hasFunction<K extends string>(
  value: object,
  name: K,
): value is object & Record<K, (...values: never) => unknown> {
  return name in value && typeof (value as Record<string, unknown>)[name] === 'function'
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function isShape(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((size) => typeof size === 'number')
}

function isTfjsTensor(value: unknown): value is TfjsTensor {
  if (!isObject(value) || !hasFunction(value, 'data') || !hasFunction(value, 'dataSync')) return false
  return 'dtype' in value && typeof value.dtype === 'string' && 'shape' in value && isShape(value.shape)
}

function isOnnxTensor(value: unknown): value is OnnxTensor {
  if (!isObject(value) || !hasFunction(value, 'getData')) return false
  return 'type' in value && typeof value.type === 'string' && 'dims' in value && isShape(value.dims)
}
