/** Attempts to explain the tensors of a model by those of another, and what they share. */
import type { JobOptions } from '../../core/options.ts'
import type { NativeDerivationOutcome } from '../../native/load.ts'
import type { TensorInfo } from '../read.ts'
import type { AdapterFacts } from './adapter.ts'
import type { DerivationFiles, DtypeRule, MadeChecks } from './checks.ts'
import type { Opened } from './opened.ts'
import type { Hypothesis } from './hypotheses.ts'
import type { NameMap } from './maps.ts'
import type { DerivedTensor, TensorDerivation } from './report.ts'

/** Two models and what may connect them. */
export interface ExplainJob {
  readonly before: Opened
  readonly after: Opened
  readonly maps: readonly NameMap[]
  readonly files: DerivationFiles
  readonly algorithm: 'blake3' | 'sha256'
  readonly options: JobOptions
  /** The outcomes of checks that were made while the models were hashed. */
  readonly made: MadeChecks
  readonly adapter?: AdapterFacts
}

/** One hypothesis with one rule. */
export interface Attempt {
  readonly hypothesis: Hypothesis
  readonly rule: DtypeRule
  readonly adapter?: {
    readonly down: string
    readonly up: string
    readonly scaling: number
    readonly rank: number
  }
  /** Name of the tensor of the second model with the scales of the codes. */
  readonly scales?: string
}

/** A tensor that is being explained. */
export interface Case {
  readonly target: TensorInfo
  readonly attempts: readonly Attempt[]
  /** Reasons why a hypothesis could not be tried. */
  readonly obstacles: string[]
  /** Results of attempts that failed, in the order of the attempts. */
  readonly failed: { readonly attempt: Attempt; readonly outcome: NativeDerivationOutcome }[]
  answer?: TensorDerivation
}

/** The rule that changes nothing. */
export const COPY: DtypeRule = { native: 'copy', words: [] }

/** Return what identifies a tensor. */
export function identityOf({ name, dtype, shape, digest }: DerivedTensor): DerivedTensor {
  return { name, dtype, shape, digest }
}

/** Check whether two tensors have one dtype and shape. */
export function sameForm(a: DerivedTensor, b: DerivedTensor): boolean {
  return a.dtype === b.dtype && a.shape.join(',') === b.shape.join(',')
}

/** Return the number of elements of a tensor. */
export function sizeOf({ shape }: Pick<DerivedTensor, 'shape'>): number {
  return shape.reduce((product, length) => product * length, 1)
}
