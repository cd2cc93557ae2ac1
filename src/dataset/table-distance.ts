/** The distance between the numbers of two tables. */
import { runJob } from '../native/job.ts'
import { native } from '../native/load.ts'
import type { JobOptions } from '../core/options.ts'

/**
 * Return the largest absolute difference of two values in one row, for each of the given columns of two files
 * with equal columns and equally many rows. `undefined` for a column with another kind of difference: text, a
 * null, a type without a distance.
 *
 * Floats have a distance, and so do CSV cells that are numbers in both files. NaN is equal to NaN and
 * infinitely far from everything else.
 *
 * Cost: one read of both and the decoding of all columns, on one thread.
 *
 * @param columns Positions of the columns, counted from 0.
 * @throws The errors of `hashTable`, and ERR_LINEAPRINT_FORMAT if columns or numbers of rows differ.
 */
export async function tableDistances(
  before: string,
  after: string,
  columns: readonly number[],
  options: JobOptions = {},
): Promise<(number | undefined)[]> {
  const { largest } = await runJob(options, (job, threads) =>
    native.tableDistances(job, before, after, [...columns], threads),
  )
  return largest.map((distance) => distance ?? undefined)
}
