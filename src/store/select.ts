/** Choosing among runs. */
import type { RunStatus } from '../record/record.ts'
import type { ListedRun } from './run-index.ts'

/** Which runs are meant; what is left out chooses nothing. */
export interface RunFilter {
  /** One of these. */
  readonly status?: readonly RunStatus[] | undefined
  /** Exactly this name of the experiment. */
  readonly name?: string | undefined
  /** All of these tags. */
  readonly tags?: readonly string[] | undefined
  /** Started at this moment or later. */
  readonly since?: Date | undefined
  /** At most so many: the newest. */
  readonly limit?: number | undefined
}

/** Those of some runs that a filter means, in their order. */
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
