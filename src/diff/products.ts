/** Models that a run made itself: results of it, which explain nothing. */
import { reporterOf } from '../record/reported-by.ts'
import type { TrackedRecord } from '../record/record.ts'

/**
 * Return whether a model is one that a program of the run reported while it ran, and no file that was there before: then
 * it is what became of the inputs, the code and the seeds until it was reported.
 */
export function isProduct(entry: TrackedRecord): boolean {
  const reporter = reporterOf(entry)
  return reporter !== undefined && reporter.existed !== true
}
