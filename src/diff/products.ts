/** Models that a run made itself: results of it, which explain nothing. */
import { reportedBy } from '../record/tracked.ts'
import type { TrackedRecord } from '../record/record.ts'

/**
 * Whether a model is one that a program of the run said while it ran, and no file that was there before: then it is
 * what became of the inputs, the code and the seeds until it was said.
 */
export function isProduct(entry: TrackedRecord): boolean {
  const reporter = reportedBy(entry)
  return reporter !== undefined && reporter.existed !== true
}
