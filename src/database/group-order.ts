/** Groups of runs, and their order. */
import type { JsonValue } from '../core/json-value.ts'

/** Runs that have one value of a field. */
export interface RunGroup {
  /** The value; null for runs without one. */
  readonly value: JsonValue
  readonly runs: number
  /** Runs that have a finite number in the other field. */
  readonly measured: number
  readonly least: number | null
  readonly mean: number | null
  readonly greatest: number | null
}

/** The result of {@link groupRuns}. */
export interface RunGroups {
  /** The groups with the most runs first, up to a limit. */
  readonly groups: readonly RunGroup[]
  /** Number of all groups. */
  readonly count: number
}

/** Groups, and the text that changes with the rows from which they were made and with the moments of the question; `undefined` without an index. */
export interface MarkedGroups extends RunGroups {
  readonly mark: string | undefined
}

/** Groups that are returned. */
export const GROUP_LIMIT = 500

/** Return groups with the largest first; equal ones by their values. */
export function inOrder(groups: readonly RunGroup[]): RunGroup[] {
  const textOf = ({ value }: RunGroup): string => JSON.stringify(value)
  return groups.toSorted((a, b) => b.runs - a.runs || (textOf(a) < textOf(b) ? -1 : 1))
}
