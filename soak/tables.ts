/**
 * Change table files at random and read them: the result is a typed error, or a digest that does not depend
 * on the number of threads and, for CSV, equals that of a slow reader; for Parquet and Arrow it is that of the table
 * that pyarrow reads, if it is installed.
 *
 * The control checks only the first and the last bytes of a file, and must accept files that are to be
 * refused.
 */
import { fuzzRound } from './support/fuzz.ts'
import type { FuzzOptions } from './support/fuzz.ts'
import type { Outcome } from './support/round.ts'

/** Run the round. */
export function tablesRound(options: FuzzOptions): Promise<Outcome> {
  return fuzzRound(
    {
      name: 'tables',
      promise: 'a file of a table gives a typed error or one digest on any threads, within a second',
      control: 'look at the ends of a file',
      program: new URL('children/tables.ts', import.meta.url),
    },
    options,
  )
}
