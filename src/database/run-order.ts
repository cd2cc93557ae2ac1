/** The order of the runs that a filter selects. */
import { isRunId } from '../core/run-id.ts'
import type { RunId } from '../core/run-id.ts'
import type { Field } from './expression/expression.ts'
import type { ValuedRun } from './columns.ts'
import type { DamagedRun } from '../store/runs.ts'

/** Names of parameters or metrics that are listed. */
export const NAME_LIMIT = 2000

/** Runs from whose values `auto` is decided: those of the first part of a list. */
export const AUTO_RUNS = 100

/**
 * Ids in an order. They stay one text until those in its middle are asked for: a page shows the first of a hundred thousand, and
 * asks again every few seconds.
 */
export class RunIds {
  readonly length: number
  /** An id on each line. */
  readonly text: string
  #ids: readonly string[] | undefined

  /** @param text An id on each line. @param length Number of lines. */
  constructor(text: string, length: number) {
    this.text = text
    this.length = length
  }

  /** Return ids as they are kept. */
  static of(ids: readonly RunId[]): RunIds {
    return new RunIds(ids.join('\n'), ids.length)
  }

  /** Return a part of the ids. A line that is no id is left out. */
  slice(start: number, end: number): RunId[] {
    if (start >= this.length || end <= start) return []
    if (this.#ids === undefined && end <= FIRST)
      return this.text.split('\n', end).slice(start).filter(isRunId)
    this.#ids ??= this.text.split('\n')
    return this.#ids.slice(start, end).filter(isRunId)
  }
}

/** Ids that are read from the text without the others. */
const FIRST = 1000

/** The runs that a filter selects, as ids. */
export interface RunOrder {
  /** In the order that was asked for, by default the newest first. */
  readonly ids: RunIds
  /** The columns, `auto` replaced by the fields in which the first runs differ. */
  readonly columns: readonly Field[]
  readonly damaged: readonly DamagedRun[]
  /** Number of readable runs, whatever the filter. */
  readonly total: number
  /** Names of all parameters and metrics in the store, for completion; the first ones of very many. */
  readonly names: FieldNames
}

/** The order of runs, and the first of them as far as they were read to decide on the columns. */
export interface OrderedRuns extends RunOrder {
  readonly first: readonly ValuedRun[]
  /** Text that changes with the rows from which it was made, and with the moments of the question; `undefined` without an index. */
  readonly mark: string | undefined
}

/** Names that fields of runs can have. */
export interface FieldNames {
  readonly parameters: readonly string[]
  readonly metrics: readonly string[]
}
