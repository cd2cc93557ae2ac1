/** Models in memory: tensors by their names, or a model of TensorFlow.js. */
import { checkObject } from '../core/options.ts'
import { localTensor } from '../hash/library-tensors.ts'
import { libraryModel } from './library-models.ts'
import { tensorBytes } from './tensor-data.ts'
import type { GivenConfig } from './config.ts'
import type { OnnxTensor, TfjsTensor } from '../hash/library-tensors.ts'
import type { TfjsGraphModel, TfjsLayersModel } from './library-models.ts'
import type { TensorBytes, TensorData } from './tensor-data.ts'

/** A model in memory: its tensors by their names, or a model of TensorFlow.js. */
export type ModelTensors =
  Readonly<Record<string, TensorData | TfjsTensor | OnnxTensor>> | TfjsLayersModel | TfjsGraphModel

/** The tensors of a model in memory as bytes, and its configuration if it holds one. */
export interface LocalModel {
  readonly tensors: readonly TensorBytes[]
  readonly config: GivenConfig | undefined
}

/**
 * Return the tensors of a model in memory with their elements as bytes. Those of typed arrays are not copied.
 *
 * @throws ERR_LINEAPRINT_ARGUMENT for data that does not fit its shape and dtype, and for a name that no file can hold;
 * UNSUPPORTED for a session of ONNX Runtime, and for tensors of texts or of elements below a byte.
 */
export async function localModel(model: ModelTensors): Promise<LocalModel> {
  checkObject(model, 'tensors')
  const library = libraryModel(model)
  const tensors: TensorBytes[] = []
  for (const [name, tensor] of library?.tensors ?? Object.entries(model)) {
    // Nothing is waited for where nothing must be: until the first wait, the caller cannot change its data.
    const local = localTensor(tensor, `tensors.${name}`)
    tensors.push(tensorBytes(name, local instanceof Promise ? await local : local))
  }
  return { tensors, config: library?.config }
}
