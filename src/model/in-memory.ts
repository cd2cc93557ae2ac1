/**
 * Models in memory: tensors by their names, and models of libraries. They are written to a temporary safetensors file, which is read like any
 * other, so that its digests are those of the file that a program would write.
 */
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { DTYPES } from '../core/dtypes.ts'
import { LineaprintError } from '../core/errors.ts'
import { checkKnown, checkObject } from '../core/options.ts'
import { dtypeOf, littleEndian } from '../hash/array.ts'
import { asBytes } from '../hash/bytes.ts'
import { storeError, writeAll } from '../util/fs.ts'
import { makeTemporary, sweepTemporary } from '../util/temporary.ts'
import { libraryModel, localTensor } from './library-models.ts'
import { readModelWith } from './read.ts'
import type { TypedArray } from '../hash/array.ts'
import type { OnnxTensor, TfjsGraphModel, TfjsLayersModel, TfjsTensor } from './library-models.ts'
import type { ModelOptions, ModelReport } from './report.ts'

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

/** A model in memory: its tensors by their names, or a model of TensorFlow.js. */
export type ModelTensors =
  Readonly<Record<string, TensorData | TfjsTensor | OnnxTensor>> | TfjsLayersModel | TfjsGraphModel

/** The report of a model in memory, which has neither a path nor files. */
export type TensorsReport = Omit<ModelReport, 'path'>

/** Name in the header of safetensors that stands for no tensor. */
const METADATA = '__metadata__'

/** Typed arrays whose elements can be the bits of another type of their width. */
const BIT_ARRAYS: ReadonlySet<string | undefined> = new Set(['U8', 'U16', 'U32', 'U64'])

/**
 * Digest a model in memory as `readModel` does a safetensors file of the same tensors.
 *
 * A layers or graph model of TensorFlow.js has the digests of the file that it is saved to, and tensors of TensorFlow.js and
 * ONNX Runtime those of their elements, wherever they lie. Weights of a file that were quantised are numbers in memory, so
 * they have other digests than the file.
 *
 * Do not change the data before the promise settles. Cost: a write of all tensors to the temporary folder, and a read.
 *
 * @throws ERR_LINEAPRINT_ARGUMENT for data that does not fit its shape and dtype, UNSUPPORTED for a session of ONNX
 * Runtime and for tensors of texts or of elements below a byte.
 */
export async function hashTensors(
  tensors: ModelTensors,
  options: Omit<ModelOptions, 'files' | 'weights' | 'base'> = {},
): Promise<TensorsReport> {
  checkObject(tensors, 'tensors')
  const model = libraryModel(tensors)
  const parts: Part[] = []
  for (const [name, tensor] of model?.tensors ?? Object.entries(tensors))
    parts.push(checkTensor(name, await localTensor(tensor, `tensors.${name}`)))
  const temporary = await makeTemporary('lineaprint-')
  void sweepTemporary()
  const path = join(temporary.path, 'model.safetensors')
  try {
    await writeTensors(path, parts)
    return withoutFiles(await readModelWith(path, options, model?.config))
  } finally {
    await temporary.remove()
  }
}

/** Return the report of a temporary file as that of the tensors in it: neither its path nor its name is theirs. */
export function withoutFiles(model: ModelReport): TensorsReport {
  const { path: _, ...report } = model
  return { ...report, files: [], tensors: report.tensors.map((tensor) => ({ ...tensor, file: '' })) }
}

interface Part {
  readonly name: string
  readonly dtype: string
  readonly shape: readonly number[]
  readonly bytes: Uint8Array
}

function checkTensor(name: string, given: unknown): Part {
  const field = `tensors.${name}`
  checkObject(given, field)
  checkKnown(given as object, ['dtype', 'shape', 'data'], `${field}.`)
  const tensor = given as TensorData
  if (name === METADATA) throw refusal(field, 'this name is reserved', 'the name of a tensor', name)
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
  return { name, dtype, shape, bytes }
}

/** Check whether an array holds the bits of another type: one of that width, or its bytes. */
function carries(own: string, bits: number): boolean {
  return own === 'U8' || (BIT_ARRAYS.has(own) && DTYPES[own]?.bits === bits)
}

function refusal(field: string, message: string, expected: string, received: string): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_ARGUMENT', message, { field, expected, received })
}

/** Write a safetensors file: the length of its header, the header, and the tensors one after another. */
async function writeTensors(path: string, parts: readonly Part[]): Promise<void> {
  let end = 0
  const entries = parts.map(({ name, dtype, shape, bytes }) => {
    const start = end
    end += bytes.byteLength
    return [name, { dtype, shape, data_offsets: [start, end] }] as const
  })
  const header = Buffer.from(JSON.stringify(Object.fromEntries(entries)))
  const head = Buffer.alloc(8 + header.length)
  head.writeBigUInt64LE(BigInt(header.length))
  header.copy(head, 8)
  try {
    await using file = await open(path, 'wx', 0o600)
    let position = 0
    for (const bytes of [head, ...parts.map((part) => part.bytes)]) {
      await writeAll(file, bytes, position)
      position += bytes.byteLength
    }
  } catch (cause) {
    throw storeError(path, 'the tensors cannot be written to the temporary folder', cause)
  }
}
