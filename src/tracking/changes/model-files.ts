/** Files of models and checkpoints, by the names that libraries give them. */

/** Extensions in lower case. */
const EXTENSIONS: ReadonlySet<string> = new Set([
  'bin',
  'cbm',
  'ckpt',
  'gguf',
  'ggml',
  'h5',
  'hdf5',
  'joblib',
  'keras',
  'mlmodel',
  'mlpackage',
  'msgpack',
  'npy',
  'npz',
  'onnx',
  'pb',
  'pickle',
  'pkl',
  'pt',
  'pt2',
  'pth',
  'safetensors',
  'skops',
  'tflite',
  'ubj',
])

/** Return whether the name of a file is that of a model, a checkpoint or an array. */
export function isModelFile(path: string): boolean {
  const name = path.slice(path.lastIndexOf('/') + 1)
  const dot = name.lastIndexOf('.')
  return dot > 0 && EXTENSIONS.has(name.slice(dot + 1).toLowerCase())
}
