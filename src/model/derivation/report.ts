/** The result of `deriveModel`. */
import type { Digest } from '../../core/digest.ts'
import type { ModelFile } from '../read.ts'

/** Every verdict, from the one that says most to those that explain nothing. */
export const VERDICTS = [
  'identical',
  'sharded',
  'merged',
  'renamed',
  'fused',
  'split',
  'transposed',
  'permuted',
  'cast',
  'offset',
  'quantised',
  'low-rank',
  'changed',
  'unexplained',
] as const

/**
 * Verdict about how a tensor follows from the first model.
 *
 * - `identical`: equal bits, dtype and shape under the same name; `sharded` or `merged` if the model lies in more or in
 *   fewer files than before.
 * - `renamed`: equal bits, dtype and shape under another name.
 * - `fused`, `split`: joined from several tensors along an axis, or a part of one.
 * - `transposed`, `permuted`: the same elements with the axes in another order, or with rows in another order.
 * - `cast`: the same numbers in another type, rounded to nearest even.
 * - `offset`: a constant was added.
 * - `quantised`: recomputed by a known recipe and equal bit by bit, or within a bound that is stated.
 * - `low-rank`: an adapter was added, within a bound that is stated.
 * - `changed`: it has a source, from which it does not follow.
 * - `unexplained`: nothing in the first model was found from which it follows.
 */
export type Verdict = (typeof VERDICTS)[number]

/** A tensor of either model. */
export interface DerivedTensor {
  readonly name: string
  readonly dtype: string
  readonly shape: readonly number[]
  /** Plain digest of its elements; absent if digests were not computed. */
  readonly digest?: Digest
}

/** Derivation of one tensor of the second model follows from the first. */
export interface TensorDerivation extends DerivedTensor {
  readonly verdict: Verdict
  /** The tensors of the first model that it follows from, or should; in the order in which they are joined. */
  readonly sources: readonly DerivedTensor[]
  /** Steps from them to the tensor, in plain words; empty if nothing is explained. */
  readonly rule: readonly string[]
  /** Name of the map that gave the sources; absent if their own names or their elements did. */
  readonly map?: string
  /** Names of other tensors of the first model that it follows from equally well. Absent if there are none. */
  readonly alternatives?: readonly string[]
  /** The bound within which every element lies; absent where every bit is explained. */
  readonly bound?: string
  /** Elements, or blocks of a block type, that do not follow. */
  readonly different?: { readonly count: number; readonly of: number; readonly first: number }
  /** Sentences: what was found instead, or why nothing was. */
  readonly findings: readonly string[]
}

/** One side of a derivation. */
export interface DerivationSide {
  /** Absolute path. */
  readonly path: string
  /** Absent if digests were not computed. */
  readonly weights?: Digest
  readonly tensorCount: number
  readonly parameters: number
  /** Its weights files, with digests if they were asked for. */
  readonly files: readonly ModelFile[]
}

/** Derivation of a model from another. */
export interface ModelDerivation {
  readonly kind: 'derivation'
  /** True if every tensor of the second model is explained and every one of the first is used, left out by a map, or tied. */
  readonly explained: boolean
  /** False if no digest of elements was computed: every tensor was compared byte by byte. */
  readonly digests: boolean
  readonly before: DerivationSide
  readonly after: DerivationSide
  /** The adapter that was named. */
  readonly adapter?: DerivationSide
  readonly counts: Readonly<Partial<Record<Verdict, number>>>
  /** In the order of the names. */
  readonly tensors: readonly TensorDerivation[]
  /** Tensors of the first model that none of the second follows from and no map leaves out. */
  readonly unused: readonly DerivedTensor[]
  /** Names of tensors of the first model that a map leaves out. */
  readonly dropped: readonly string[]
  readonly warnings: readonly string[]
}

/** Check whether a verdict explains a tensor. */
export function isExplained(verdict: Verdict): boolean {
  return verdict !== 'changed' && verdict !== 'unexplained'
}
