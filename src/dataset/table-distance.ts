/** How far the numbers of two tables are apart. */
import { runJob } from '../native/job.ts'
import { native } from '../native/load.ts'
import type { JobOptions } from '../core/options.ts'

/**
 * The largest absolute difference of two values in one row, for each of some columns of two files with equal columns and
 * as many rows. `undefined` for a column that differs in something else than numbers: text, a null, a type that has no
 * distance.
 *
 * Floats have a distance, and cells of CSV that are numbers in both files. NaN is equal to NaN and infinitely far from
 * everything else.
 *
 * Cost: one read of both and the decoding of all columns, on one thread.
 *
 * @param columns Places of the columns, counted from 0.
 * @throws What `hashTable` throws, and ERR_LINEAPRINT_FORMAT if they do not have equal columns or as many rows.
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
