/**
 * Models of other libraries in memory, recognised by their shape, so that none of the libraries is needed:
 * layers and graph models of TensorFlow.js 4, and sessions of ONNX Runtime.
 */
import { LineaprintError } from '../core/errors.ts'
import { embeddedConfig } from './config.ts'
import type { GivenConfig } from './config.ts'
import type { TfjsTensor } from '../hash/library-tensors.ts'

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
