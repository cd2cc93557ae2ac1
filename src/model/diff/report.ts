/** The result of `diffModels`. */
import type { Digest } from '../../core/digest.ts'
import type { TensorInfo } from '../read.ts'
import type { ConfigDifference } from './config.ts'
import type { LayerChange } from './layers.ts'
import type { TensorDifference } from './tensors.ts'
import type { TokenizerDifference } from './tokenizer.ts'
import type { ValueComparison } from './values.ts'

/** A tensor of either model. */
export interface ComparedTensor extends Omit<TensorInfo, 'digest'> {
  /** Absent if digests were not computed. */
  readonly digest?: Digest
}

/** One tensor that differs. `renamed`: equal bits, dtype and shape under another name. */
export interface TensorChange extends TensorDifference<ComparedTensor> {
  /** Only for a changed tensor, and if `values` is set. */
  readonly values?: ValueComparison
}

/** One side of a comparison. */
export interface ModelSide {
  /** Absolute path. */
  readonly path: string
  readonly architecture: Digest
  /** Absent if digests of elements were not computed. */
  readonly weights?: Digest
  /** The structure without dimensions and the number of layers. */
  readonly family?: Digest
  readonly graph?: Digest
  readonly pipeline?: Digest
  readonly tokenizer?: Digest
  readonly tensorCount: number
  readonly parameters: number
}

/** The result of `diffModels`. */
export interface ModelDiff {
  readonly kind: 'model'
  /**
   * True if architecture, weights and tokenizer are the same. Sharding and metadata of the files do not
   * count.
   */
  readonly same: boolean
  /** False if no digest of elements was computed: every tensor was compared byte by byte. */
  readonly digests: boolean
  readonly before: ModelSide
  readonly after: ModelSide
  readonly sameArchitecture: boolean
  readonly sameWeights: boolean
  /** True if both are of one family: models of other sizes, or fine-tuned ones. `undefined` if a side has none. */
  readonly sameFamily: boolean | undefined
  /** `undefined` unless both sides are ONNX files. */
  readonly sameGraph: boolean | undefined
  /** `undefined` unless both sides are pipelines of diffusers. */
  readonly samePipeline: boolean | undefined
  /** Names of the components of both pipelines that differ, or that one of them does not have. Empty for others. */
  readonly components: readonly string[]
  /** `undefined` if neither side is a folder with a tokenizer. */
  readonly sameTokenizer: boolean | undefined
  /** Keys of the meaningful configuration that differ. */
  readonly config: readonly ConfigDifference[]
  /** Fields of the files of the tokenizers that differ. */
  readonly tokenizer: readonly TokenizerDifference[]
  /** Sorted by name. */
  readonly tensors: readonly TensorChange[]
  readonly counts: Readonly<Record<TensorChange['status'], number>>
  /** The change of each layer; only if `values` is set and the weights differ. */
  readonly layers?: readonly LayerChange[]
  readonly warnings: readonly string[]
}
