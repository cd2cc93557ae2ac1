/** The formats that the benchmark writes. */
import { join } from 'node:path'
import { writeHdf5, writeKeras } from './hdf5.ts'
import { writeOnnx, writeOnnxExternal } from './onnx.ts'
import { writeFlax, writeGguf, writeNpy, writeNpz, writeSafetensors, writeTensorFlowJs } from './in-pieces.ts'
import { writePyTorchLegacy, writePyTorchZip } from './pytorch.ts'
import { writeTflite } from './tflite.ts'
import type { TensorPlan } from './output.ts'

/** A format as the benchmark writes it. */
export interface WrittenFormat {
  /** End of the name of the case. */
  readonly name: string
  readonly title: string
  /** True if tensors lie in one piece; false if they have to be decoded. */
  readonly inPieces: boolean
  /** False for a format without the names of tensors: its `weights` are its own. */
  readonly named: boolean
  /** Write the model into an existing folder; return the path that is read. */
  write(folder: string, plans: readonly TensorPlan[]): string
}

const pieces = { inPieces: true, named: true } as const
const decoded = { inPieces: false, named: true } as const

/** Return the writer of one file. */
function file(
  name: string,
  write: (path: string, plans: readonly TensorPlan[]) => void,
): WrittenFormat['write'] {
  return (folder, plans) => {
    const path = join(folder, name)
    write(path, plans)
    return path
  }
}

/** The formats, each with the same tensors. */
export const FORMATS: readonly WrittenFormat[] = [
  {
    name: 'safetensors',
    title: 'safetensors',
    ...pieces,
    write: file('model.safetensors', writeSafetensors),
  },
  { name: 'pytorch', title: 'PyTorch, zip', ...pieces, write: file('model.pt', writePyTorchZip) },
  {
    name: 'pytorch-legacy',
    title: 'PyTorch before 1.6',
    ...pieces,
    write: file('model.pt', writePyTorchLegacy),
  },
  { name: 'gguf', title: 'GGUF', ...pieces, write: file('model.gguf', writeGguf) },
  {
    name: 'npy',
    title: 'NumPy, one array',
    inPieces: true,
    named: false,
    write: file('model.npy', writeNpy),
  },
  {
    name: 'npy-fortran',
    title: 'NumPy, one array in Fortran order',
    inPieces: false,
    named: false,
    write: file('model.npy', (path, plans) => writeNpy(path, plans, true)),
  },
  {
    name: 'npz',
    title: 'NumPy, stored',
    ...pieces,
    write: file('model.npz', (path, plans) => writeNpz(path, plans, false)),
  },
  {
    name: 'npz-deflated',
    title: 'NumPy, deflated',
    ...decoded,
    write: file('model.npz', (path, plans) => writeNpz(path, plans, true)),
  },
  { name: 'onnx', title: 'ONNX', ...pieces, write: file('model.onnx', writeOnnx) },
  {
    name: 'onnx-external',
    title: 'ONNX with external data',
    ...pieces,
    write: file('model.onnx', (path, plans) => writeOnnxExternal(path, `${path}.data`, plans)),
  },
  { name: 'keras', title: 'Keras', ...pieces, write: file('model.keras', writeKeras) },
  {
    name: 'hdf5',
    title: 'HDF5, contiguous',
    ...pieces,
    write: file('model.h5', (path, plans) => writeHdf5(path, plans, false)),
  },
  {
    name: 'hdf5-chunked',
    title: 'HDF5, chunked and deflated',
    ...decoded,
    write: file('model.h5', (path, plans) => writeHdf5(path, plans, true)),
  },
  {
    name: 'tfjs',
    title: 'TensorFlow.js',
    ...pieces,
    write: (folder, plans) => {
      writeTensorFlowJs(join(folder, 'tfjs'), plans)
      return join(folder, 'tfjs', 'model.json')
    },
  },
  { name: 'tflite', title: 'TensorFlow Lite', ...pieces, write: file('model.tflite', writeTflite) },
  { name: 'flax', title: 'Flax', ...pieces, write: file('model.msgpack', writeFlax) },
]
