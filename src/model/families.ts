/** The families of weights files that a folder can hold, by their names. What a file is, its content decides. */
import { basename } from 'node:path'

/** Files of one format in a folder. */
export interface Family {
  /** Name of the format, for messages. */
  readonly format: string
  /** Names of weights files. */
  readonly weights: RegExp
  /** Names of weights files that are none: states of optimizers and of random generators, settings. */
  readonly except?: RegExp
  /** Names of shard indexes. */
  readonly index?: RegExp
  /** Name of one shard of several; the first group is their number. */
  readonly shard?: RegExp
  /** True if shards name each other by their names, without an index. */
  readonly isSplit?: true
  /** The name that loaders try first. */
  readonly first?: string
}

/** In the order in which they count: the first family that a folder holds is its model. */
export const FAMILIES: readonly Family[] = [
  {
    format: 'safetensors',
    weights: /\.safetensors$/,
    index: /\.safetensors\.index(?:\.[\w-]+)?\.json$/,
    shard: /-[0-9]{5}-of-([0-9]{5})\.safetensors$/,
    first: 'model.safetensors',
  },
  {
    format: 'PyTorch',
    weights: /\.(?:bin|pt|pth|ckpt)$/,
    except: /^(?:training_args|optimizer|scheduler|scaler|rng_state|random_states|opt_state)/,
    index: /\.bin\.index(?:\.[\w-]+)?\.json$/,
    shard: /-[0-9]{5}-of-([0-9]{5})\.bin$/,
    first: 'pytorch_model.bin',
  },
  { format: 'GGUF', weights: /\.gguf$/, shard: /-[0-9]{5}-of-([0-9]{5})\.gguf$/, isSplit: true },
  { format: 'ONNX', weights: /\.onnx$/, first: 'model.onnx' },
  { format: 'Keras', weights: /(?:\.keras|\.h5|\.hdf5)$/ },
  { format: 'TensorFlow.js', weights: /^model\.json$/ },
  { format: 'Flax', weights: /\.msgpack$/, first: 'flax_model.msgpack' },
]

/** Check whether a name is that of a weights file or of a shard index of a family. */
export function belongsTo(family: Family, name: string): boolean {
  return isIndex(family, name) || isWeights(family, name)
}

/** Check whether a name is that of a weights file of a family. */
export function isWeights({ weights, except }: Family, name: string): boolean {
  return weights.test(name) && except?.test(name) !== true
}

/** Check whether a name is that of a shard index of a family. */
export function isIndex({ index }: Family, name: string): boolean {
  return index?.test(name) === true
}

/** Check whether a path is that of a shard index. */
export function isIndexPath(path: string): boolean {
  return /\.(?:safetensors|bin)\.index(?:\.[\w-]+)?\.json$/.test(path)
}

/** Check whether a name below the folder of a shard index can be that of a part of its model. */
export function isPartName(path: string): boolean {
  return /\.(?:safetensors|bin|json)$/.test(path)
}

/** Check whether a file of this name can hold tensors. What it is, its content decides. */
export function canHoldTensors(path: string): boolean {
  const name = basename(path).toLowerCase()
  return /\.(?:npz|tflite)$/.test(name) || FAMILIES.some(({ weights }) => weights.test(name))
}

/** Return the family that a name belongs to. */
export function familyOf(name: string): Family | undefined {
  return FAMILIES.find((family) => belongsTo(family, name))
}

/** Return how many shards there are, by the name of one; 1 for another name. */
export function shardCount({ shard }: Family, name: string): number {
  return Number(shard?.exec(name)?.[1] ?? 1)
}

/** Return the names of all files of a split model, by the name of one; only that one for another name. */
export function splitNames(family: Family, name: string): readonly string[] {
  const count = shardCount(family, name)
  // A name that claims more is no split that a program wrote.
  if (family.isSplit !== true || count < 2 || count > 10_000) return [name]
  const stem = name.replace(/-[0-9]{5}-of-[0-9]{5}\.gguf$/, '')
  return Array.from({ length: count }, (_, index) => `${stem}-${digits(index + 1)}-of-${digits(count)}.gguf`)
}

function digits(position: number): string {
  return String(position).padStart(5, '0')
}

/** Names in a folder that say what a program wrote there, where that is not read. */
const FOLDERS: readonly (readonly [name: RegExp, what: string])[] = [
  [/^saved_model\.pb(?:txt)?$/, 'a TensorFlow SavedModel'],
  [/\.ckpt(?:-[0-9]+)?\.(?:index|data-[0-9]{5}-of-[0-9]{5})$|^checkpoint$/, 'a TensorFlow checkpoint'],
  [/^__[0-9]+_[0-9]+\.distcp$/, 'a distributed checkpoint of PyTorch'],
  [/^(?:manifest\.ocdbt|ocdbt\.process_[0-9]+|_CHECKPOINT_METADATA)$/, 'a checkpoint of Orbax'],
  [/^model\.mlmodel$|^Manifest\.json$/, 'a Core ML package'],
  [/\.pdmodel$|\.pdiparams$/, 'a PaddlePaddle model'],
  [/^model_index\.json$/, 'a pipeline of diffusers, whose components are models'],
]

/** Say what a folder without weights that are read is, from the names in it. */
export function folderNoun(names: readonly string[]): string | undefined {
  return FOLDERS.find(([pattern]) => names.some((name) => pattern.test(name)))?.[1]
}
