/** Attempts to explain the tensors of a model by those of another, and what they share. */
import type { JobOptions } from '../../core/options.ts'
import type { NativeDerivationOutcome } from '../../native/load.ts'
import type { TensorInfo } from '../read.ts'
import type { AdapterFacts } from './adapter.ts'
import type { CodesBy, DerivationFiles, DtypeRule, MadeChecks } from './checks.ts'
import type { Opened } from './opened.ts'
import type { Hypothesis, TensorForm } from './hypotheses.ts'
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
export interface Attempt<T extends TensorForm = TensorInfo> {
  readonly hypothesis: Hypothesis<T>
  readonly rule: DtypeRule
  readonly adapter?: {
    readonly down: string
    readonly up: string
    readonly scaling: number
    readonly rank: number
  }
  /** The tensors of the second model that codes need. */
  readonly codes?: CodesBy
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
  /** The attempt that the answer tells of; absent where digests alone gave it. */
  by?: Attempt
}

/** The rule that changes nothing. */
export const COPY: DtypeRule = { native: 'copy', words: [] }

/** Return what identifies a tensor. */
export function identityOf({ name, dtype, shape, digest }: DerivedTensor): DerivedTensor {
  return { name, dtype, shape, ...(digest && { digest }) }
}

/** Return dtype and shape of a tensor as a text. */
export function formOf({ dtype, shape }: Pick<DerivedTensor, 'dtype' | 'shape'>): string {
  return `${dtype} ${shape.join(',')}`
}

/** Check whether two tensors have one dtype and shape. */
export function sameForm(a: DerivedTensor, b: DerivedTensor): boolean {
  return formOf(a) === formOf(b)
}

/** Return the number of elements of a tensor. */
export function sizeOf({ shape }: Pick<DerivedTensor, 'shape'>): number {
  return shape.reduce((product, length) => product * length, 1)
}

/** Check whether equal digests, or equal bytes, alone prove a hypothesis. */
export function isByDigest<T extends TensorForm>(
  { sources, arrangement, offset }: Hypothesis<T>,
  target: TensorForm,
): boolean {
  const [source] = sources
  return (
    sources.length === 1 &&
    arrangement === undefined &&
    offset === undefined &&
    source !== undefined &&
    source.dtype === target.dtype
  )
}
