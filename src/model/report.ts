/** The report of a model: its tensors, its digests and the files it was read from. */
import type { AlgorithmChoice, Digest, Digests } from '../core/digest.ts'
import type { NativeModel } from '../native/load.ts'
import type { SampledHashOptions } from '../hash/sample/options.ts'
import type { SampleReport } from '../hash/sample/report.ts'
import type { ItemList } from '../json/pieces.ts'
import type { ModelConfig } from './config.ts'
import type { TensorHealth } from './health.ts'
import type { TensorGroup } from './name-pattern.ts'

/** Names of the formats that are read, and of those that are known and listed by their files (`dcp`, `orbax`). */
export const FORMATS = [
  'safetensors',
  'pytorch',
  'gguf',
  'npy',
  'npz',
  'onnx',
  'keras',
  'hdf5',
  'tfjs',
  'tflite',
  'flax',
  'diffusers',
  'dcp',
  'orbax',
] as const

/** Options of `readModel`. */
export interface ModelOptions<A extends AlgorithmChoice = AlgorithmChoice> extends SampledHashOptions<A> {
  /** Also digest the exact files (`tree`), which hashes every byte a second time. @default false */
  readonly files?: boolean | undefined
  /**
   * Name of the weights file or shard index to read, in a folder with several. Without it, a folder with
   * several is refused unless all hold equal weights. In a pipeline of diffusers also the name of a variant: `fp16`.
   */
  readonly weights?: string | undefined
  /**
   * The base of an adapter: a path, as for `readModel`. Without it, the base is looked up in the cache of the Hugging Face
   * Hub on this machine; `false` looks for none. @default looked up
   */
  readonly base?: string | false | undefined
  /**
   * Read a safetensors file as the reference implementation reads it, even where two readers could read different
   * models from it. Each point is listed in {@link ModelReport.remarks}. @default false
   */
  readonly lenient?: boolean | undefined
  /**
   * Also count NaN, infinities and zeros of each tensor of floating-point numbers, and compute its extremes, mean and
   * norm: with BLAKE3 in the same read, with SHA-256 in one more. @default false
   */
  readonly health?: boolean | undefined
}

/** One tensor as the files list it. */
export interface TensorEntry {
  readonly name: string
  /** Data type as safetensors spells it. */
  readonly dtype: string
  /** Elements per axis, C order; empty for a scalar. */
  readonly shape: readonly number[]
  /** Name of the file that contains it. */
  readonly file: string
  /** Bytes of its elements. */
  readonly bytes: number
  /** First byte in that file; absent if its elements do not lie there in one piece in their final form. */
  readonly start?: number
  /** One past the last byte in that file; absent like `start`. */
  readonly end?: number
}

/** One tensor. */
export interface TensorInfo extends TensorEntry {
  /** Plain digest of its elements; a `sampled` one if only a part of it was read. */
  readonly digest: Digest
  /** Only if `health` is set; absent for whole numbers, and for blocks that are not decoded. */
  readonly health?: TensorHealth
}

/** Something of a model file that is no tensor of its weights: state of an optimizer, an object of another type. */
export interface PartNotRead {
  /** Name or path within the file. */
  readonly name: string
  /** One sentence that says why. */
  readonly reason: string
}

/** The formats that are read. */
export type ModelFormat = (typeof FORMATS)[number]

/** Tensors, parameters and bytes of one dtype. */
export interface DtypeTotal {
  readonly tensors: number
  readonly parameters: number
  readonly bytes: number
}

/** A file of the model. */
export interface ModelFile {
  readonly name: string
  readonly size: number
  /** Plain digests; only if `files` is set. */
  readonly digests?: Digests
}

/** A component of a pipeline: a model, or a tokenizer, a scheduler or a processor of inputs. */
export interface PipelineComponent {
  /** Name in `model_index.json`, and of its folder. */
  readonly name: string
  /** The library and the class that `model_index.json` names. */
  readonly library: string
  readonly class: string
  /** Format of its weights; absent if it has none. */
  readonly format?: ModelFormat
  readonly architecture?: Digest
  readonly weights?: Digest
  readonly graph?: Digest
  readonly tokenizer?: Digest
  /** Its other JSON files; only without weights. */
  readonly settings?: Digest
  /** All of the above with every requested algorithm. */
  readonly digests: Readonly<Record<string, Digests>>
  readonly tensorCount: number
  readonly parameters: number
  readonly bytes: number
  /** Name of a component before it with the same architecture and weights; absent if there is none. */
  readonly sameAs?: string
}

/** The base of an adapter, or the reason why it was not read. */
export type BaseBinding =
  | {
      readonly status: 'bound'
      /** `given` by the caller, or found in the cache of the Hugging Face Hub. */
      readonly from: 'given' | 'hub-cache'
      /** The label in the configuration of the adapter, which proves nothing; absent if it has none. */
      readonly label?: string
      /** Absolute path of the base that was read. */
      readonly path: string
      readonly architecture: Digest
      readonly weights: Digest
    }
  | {
      readonly status: 'not-checked'
      readonly label?: string
      /** Why, as one sentence. */
      readonly reason: string
    }

/** Contents of a model file. */
export interface ModelListing<A extends AlgorithmChoice = AlgorithmChoice> {
  /** Absolute path. */
  readonly path: string
  /** The format of its weights files, found from their content. */
  readonly format: ModelFormat
  /** Names, dtypes, shapes and meaningful configuration. Absent if {@link incomplete} is there. */
  readonly architecture?: Digest
  /**
   * Named tensors and their element bits, whatever the format, the sharding, order or metadata. A `sampled` digest
   * if only a part of any tensor was read. Absent if {@link incomplete} is there.
   */
  readonly weights?: Digest
  /** The structure without dimensions and the number of layers: equal in one family. Absent like the others. */
  readonly family?: Digest
  /** The computation of an ONNX file, without the values of its weights. */
  readonly graph?: Digest
  /** The components and the configuration of a pipeline of diffusers. */
  readonly pipeline?: Digest
  /** An adapter on its base; only if both were read. */
  readonly adapter?: Digest
  /** The exact files; only if `files` is set, or the tensors are not read. A single file has a plain digest. */
  readonly tree?: Digest
  /** Vocabulary, merges and rules; only if the folder contains a tokenizer. */
  readonly tokenizer?: Digest
  /** All of the above with every requested algorithm. */
  readonly digests: {
    readonly architecture?: Digests<A>
    readonly weights?: Digests<A>
    readonly family?: Digests<A>
    readonly graph?: Digests<A>
    readonly pipeline?: Digests<A>
    readonly adapter?: Digests<A>
    readonly tree?: Digests<A>
    readonly tokenizer?: Digests<A>
  }
  /** The components of a pipeline, sorted by the UTF-8 bytes of their names. Absent for one model. */
  readonly components?: readonly PipelineComponent[]
  /** The base, or why it was not read; only for an adapter. */
  readonly base?: BaseBinding
  /** Why there are no digests of architecture and weights; absent if there are. */
  readonly incomplete?: string
  readonly tensorCount: number
  /** Elements in all tensors. */
  readonly parameters: number
  /** Bytes of all tensors. */
  readonly bytes: number
  readonly dtypes: Readonly<Record<string, DtypeTotal>>
  /** Sorted by the UTF-8 bytes of their names. Built when it is read for the first time. */
  readonly tensors: readonly TensorInfo[]
  /** Names of tensors with equal dtype, shape and bits, in groups. Sampled tensors are excluded. */
  readonly ties: readonly (readonly string[])[]
  /**
   * The tensors that the file calls buffers; all others are parameters. Absent if it does not say of each which it is,
   * as only modules in a PyTorch file do.
   */
  readonly buffers?: { readonly tensors: number; readonly elements: number }
  /** Names of tensors that share one storage in the file, in groups. Absent if there are none. */
  readonly shared?: readonly (readonly string[])[]
  readonly files: readonly ModelFile[]
  /** Parts of the files that are no tensors. Absent if there are none. */
  readonly notRead?: readonly PartNotRead[]
  /** Sentences about the files, for example every global that a pickle names. Absent if there are none. */
  readonly remarks?: readonly string[]
  /** The name that the option `weights` gave; absent without it. */
  readonly selectedWeights?: string
  /** Names of files of the folder that hold weights in other formats. They are not read. Absent if none. */
  readonly otherCopies?: readonly string[]
  /**
   * Name of the file with the configuration (that of the model if it holds its own) and the keys that are left out of the
   * architecture; absent if there is none.
   */
  readonly config?: { readonly name: string; readonly ignored: readonly string[] }
  /** The extent of the sample of the tensors; only if one was requested. */
  readonly sample?: SampleReport
  readonly warnings: readonly string[]
}

/** A model of which every tensor is known. */
export interface ModelReport<A extends AlgorithmChoice = AlgorithmChoice> extends Omit<
  ModelListing<A>,
  'incomplete'
> {
  readonly architecture: Digest
  readonly weights: Digest
  readonly digests: ModelListing<A>['digests'] & {
    readonly architecture: Digests<A>
    readonly weights: Digests<A>
  }
}

/** A model with the parts of its description. */
export interface ModelParts {
  readonly listing: ModelListing
  /** The configuration: that in its file, else that beside it. */
  readonly config?: ModelConfig
  /** Keys and values of the text in its files. */
  readonly metadata: ReadonlyMap<string, string>
  /** Its tensors, those whose names differ only in numbers together. */
  readonly groups: readonly TensorGroup[]
  /** The result of the addon; absent for more than one model. */
  readonly model?: NativeModel
  /** The tensors of the listing, which are built when they are written; absent where the listing has them already. */
  readonly tensorList?: ItemList
}
