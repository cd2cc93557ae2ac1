/** Models that a run made itself: results of it, which explain nothing. */
import type { TrackedRecord } from '../record/record.ts'

/**
 * Whether a model is one that a program of the run said while it ran, and no file that was there before: then it is
 * what became of the inputs, the code and the seeds until it was said.
 */
export function isProduct(entry: TrackedRecord): boolean {
  if (entry.status !== 'tracked') return false
  const { saidBy } = entry as { readonly saidBy?: { readonly existed?: unknown } | null }
  return typeof saidBy === 'object' && saidBy !== null && saidBy.existed !== true
}
