/** Selection of runs. */
import type { RunStatus } from '../record/record.ts'
import type { ListedRun } from './run-index.ts'

/** The conditions on runs; an absent one selects everything. */
export interface RunFilter {
  /** One of these statuses. */
  readonly status?: readonly RunStatus[] | undefined
  /** Exact name of the experiment. */
  readonly name?: string | undefined
  /** All of these tags. */
  readonly tags?: readonly string[] | undefined
  /** Started at this time or later. */
  readonly since?: Date | undefined
  /** Maximum number of runs: the newest. */
  readonly limit?: number | undefined
}

/** Return the runs that match a filter, in their order. */
export function selectRuns(
  runs: readonly ListedRun[],
  { status, name, tags = [], since, limit }: RunFilter,
): readonly ListedRun[] {
  const chosen = runs.filter(
    (run) =>
      (status === undefined || status.includes(run.status)) &&
      (name === undefined || run.name === name) &&
      tags.every((tag) => run.tags.includes(tag)) &&
      (since === undefined || Date.parse(run.startedAt) >= since.getTime()),
  )
  return limit === undefined || limit >= chosen.length ? chosen : chosen.slice(chosen.length - limit)
}
