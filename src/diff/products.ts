/** Models that a run produced itself. They are results and explain nothing. */
import { reporterOf } from '../record/reported-by.ts'
import type { TrackedRecord } from '../record/record.ts'

/**
 * Check whether a program of the run reported this model while it ran, and it is not a file that existed
 * before. Such a model is a result of inputs, code and seeds.
 */
export function isProduct(entry: TrackedRecord): boolean {
  const reporter = reporterOf(entry)
  return reporter !== undefined && reporter.existed !== true
}
