/** The order of the runs that a filter selects. */
import type { RunId } from '../core/run-id.ts'
import type { Field } from './expression/expression.ts'
import type { DamagedRun } from '../store/runs.ts'

/** Names of parameters or metrics that are listed. */
export const NAME_LIMIT = 2000

/** The runs that a filter selects, as ids. */
export interface RunOrder {
  /** In the order that was asked for, by default the newest first. */
  readonly ids: readonly RunId[]
  /** The columns, `auto` replaced by the fields in which the first runs differ. */
  readonly columns: readonly Field[]
  readonly damaged: readonly DamagedRun[]
  /** Number of readable runs, whatever the filter. */
  readonly total: number
  /** Names of all parameters and metrics in the store, for completion; the first ones of very many. */
  readonly names: FieldNames
}

/** Names that fields of runs can have. */
export interface FieldNames {
  readonly parameters: readonly string[]
  readonly metrics: readonly string[]
}
