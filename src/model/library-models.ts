/**
 * Models and tensors of other libraries in memory, recognised by their shape, so that none of the libraries is needed:
 * layers and graph models of TensorFlow.js 4, and tensors of TensorFlow.js and ONNX Runtime.
 */
import { LineaprintError } from '../core/errors.ts'
import { asBytes } from '../hash/bytes.ts'
import { embeddedConfig } from './config.ts'
import type { TypedArray } from '../hash/array.ts'
import type { GivenConfig } from './config.ts'
import type { TensorData } from './tensor-data.ts'

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

/** A layers model of TensorFlow.js. */
export interface TfjsLayersModel {
  readonly weights: readonly { readonly originalName: string; read(): TfjsTensor }[]
  toJSON(unused: null, asText: false): unknown
}

/** A graph model of TensorFlow.js. */
export interface TfjsGraphModel {
  readonly weights: Readonly<Record<string, readonly TfjsTensor[]>>
  execute(...inputs: never): unknown
}

/** A model of a library as tensors by their names, and its configuration. */
export interface LibraryModel {
  readonly tensors: ReadonlyMap<string, unknown>
  readonly config?: GivenConfig
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
 * Return the tensors of a model of TensorFlow.js, under the names that its file has.
 *
 * @returns `undefined` for anything else.
 * @throws ERR_LINEAPRINT_UNSUPPORTED for a session of ONNX Runtime, which does not give its weights.
 */
export function libraryModel(source: object): LibraryModel | undefined {
  if (isSession(source)) {
    throw new LineaprintError(
      'ERR_LINEAPRINT_UNSUPPORTED',
      'a session of ONNX Runtime does not give its weights',
      {
        field: 'tensors',
        expected: 'the path of its model, or tensors by their names',
        received: 'an InferenceSession',
      },
    )
  }
  if (isLayersModel(source)) {
    const entries = source.weights.map((weight) => [weight.originalName, weight.read()] as const)
    const config = configOf(source)
    return { tensors: uniquely(entries), ...(config && { config }) }
  }
  if (!isGraphModel(source)) return undefined
  const entries = Object.entries(source.weights).map(([name, tensors]) => {
    const [only, ...more] = tensors
    if (only !== undefined && more.length === 0) return [name, only] as const
    throw new LineaprintError('ERR_LINEAPRINT_UNSUPPORTED', 'a weight of the graph model is not one tensor', {
      field: `tensors.${name}`,
      expected: 'one tensor',
      received: `${tensors.length} tensors`,
    })
  })
  return { tensors: uniquely(entries) }
}

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
): TensorData {
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

/** Return tensors by their names, of which each must be unique. */
function uniquely(entries: readonly (readonly [string, TfjsTensor])[]): Map<string, unknown> {
  const tensors = new Map<string, unknown>()
  for (const [name, tensor] of entries) {
    if (tensors.has(name)) {
      throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'two weights of the model have one name', {
        field: `tensors.${name}`,
        expected: 'a name for each weight',
        received: JSON.stringify(name),
      })
    }
    tensors.set(name, tensor)
  }
  return tensors
}

/** Return the configuration of a layers model as that of its file, without what is written anew with each save. */
function configOf(model: TfjsLayersModel): GivenConfig | undefined {
  const topology = JSON.stringify(model.toJSON(null, false))
  const name = 'modelTopology'
  const config = embeddedConfig('tfjs', new Map([[name, topology]]), name)
  if (config === undefined) return undefined
  return { name, text: new TextDecoder().decode(config.canonical), ignored: config.ignored }
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

function isLayersModel(value: object): value is TfjsLayersModel {
  if (!hasFunction(value, 'toJSON') || !hasFunction(value, 'getWeights') || !('weights' in value))
    return false
  const { weights } = value
  return (
    Array.isArray(weights) &&
    weights.every((weight) => isObject(weight) && 'originalName' in weight && hasFunction(weight, 'read'))
  )
}

function isGraphModel(value: object): value is TfjsGraphModel {
  if (!hasFunction(value, 'execute') || !hasFunction(value, 'executeAsync') || !('weights' in value))
    return false
  const { weights } = value
  return isObject(weights) && Object.values(weights).every((tensors) => Array.isArray(tensors))
}

function isSession(value: object): boolean {
  return hasFunction(value, 'run') && 'inputNames' in value && 'outputNames' in value
}
