/** The result of comparing two files, shared by the comparisons of tensors, arrays and tables. */
import type { Difference } from '../core/component.ts'
import type { JobOptions } from '../core/options.ts'

/** Options of a comparison of numbers. */
export interface Tolerance {
  /** Absolute tolerance; if absent, the bits must be equal. */
  readonly tolerance: number | undefined
  readonly signal: AbortSignal | undefined
  readonly onProgress?: JobOptions['onProgress']
}

/**
 * Result of comparing the content of two files or folders.
 *
 * - `same`: equal bytes.
 * - `same-tensors`: other bytes, but files of tensors alone with the same names, dtypes, shapes and element bits.
 * - `same-table`: other bytes, but a table of the same columns, types and rows.
 * - `within-tolerance`: no number differs by more than the tolerance that was given.
 * - `different`: none of these.
 */
export type ContentVerdict = 'same' | 'same-tensors' | 'same-table' | 'within-tolerance' | 'different'

/** The verdict about two files. */
export interface FileVerdict {
  readonly verdict: ContentVerdict
  readonly detail: string
  readonly differences: readonly Difference[]
  readonly maxDifference?: number
}
