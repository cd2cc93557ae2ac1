/** Models that a run produced itself. They are results and explain nothing. */
import { trackedPath } from './tracked.ts'
import { reporterOf } from './reported-by.ts'
import type { TrackedRecord } from './record.ts'

/**
 * Check whether the run made this model: its weights were written during the run, or a program of the run
 * reported it, and it is not a file that existed before. Such a model is a result of inputs, code and seeds.
 */
export function isProduct(entry: TrackedRecord): boolean {
  if (entry.status === 'tracked' && entry['producedByRun'] === true) return true
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
