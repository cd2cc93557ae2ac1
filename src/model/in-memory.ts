/**
 * Models in memory: tensors by their names, and models of libraries. They are written to a temporary safetensors file, which is read like any
 * other, so that its digests are those of the file that a program would write.
 */
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { storeError, writeAll } from '../util/fs.ts'
import { makeTemporary, sweepTemporary } from '../util/temporary.ts'
import { localModel } from './model-tensors.ts'
import { readModelWith } from './read.ts'
import { layout } from './safetensors.ts'
import type { ModelTensors } from './model-tensors.ts'
import type { ModelOptions, ModelReport } from './report.ts'
import type { TensorBytes } from './tensor-data.ts'

/** The report of a model in memory, which has neither a path nor files. */
export type TensorsReport = Omit<ModelReport, 'path'>

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
  const model = await localModel(tensors)
  const temporary = await makeTemporary('lineaprint-')
  void sweepTemporary()
  const path = join(temporary.path, 'model.safetensors')
  try {
    await writeTemporary(path, model.tensors)
    return withoutFiles(await readModelWith(path, options, model.config))
  } finally {
    await temporary.remove()
  }
}

/** Return the report of a temporary file as that of the tensors in it: neither its path nor its name is theirs. */
export function withoutFiles(model: ModelReport): TensorsReport {
  const { path: _, ...report } = model
  return { ...report, files: [], tensors: report.tensors.map((tensor) => ({ ...tensor, file: '' })) }
}

async function writeTemporary(path: string, parts: readonly TensorBytes[]): Promise<void> {
  const { head, tensors } = layout(parts)
  try {
    await using file = await open(path, 'wx', 0o600)
    let position = 0
    for (const bytes of [head, ...tensors.map((tensor) => tensor.bytes)]) {
      await writeAll(file, bytes, position)
      position += bytes.byteLength
    }
  } catch (cause) {
    throw storeError(path, 'the tensors cannot be written to the temporary folder', cause)
  }
}
