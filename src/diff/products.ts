/** Models and data that a run produced itself, from its code, seeds and inputs. */
import { reporterOf } from '../record/reported-by.ts'
import { trackedPath } from '../record/tracked.ts'
import type { TrackedRecord } from '../record/record.ts'

/**
 * Check whether a program of the run reported this model while it ran, and it is not a file that existed
 * before. Such a model is a result of inputs, code and seeds.
 */
export function isProduct(entry: TrackedRecord): boolean {
  const reporter = reporterOf(entry)
  return reporter !== undefined && reporter.existed !== true
}

/**
 * Check whether a dataset is data that the program had in memory, or a file that it wrote itself. It can be drawn
 * from a generator, so it follows from the seed, the code and the inputs.
 */
export function isDerivedData(entry: TrackedRecord): boolean {
  if (entry.status !== 'tracked') return false
  return isProduct(entry) || trackedPath(entry) === undefined
}
