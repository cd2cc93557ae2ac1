/**
 * Change files of tables at random and read them: a typed error, or a digest that does not depend on threads and that
 * of CSV is the one of what a slow reader finds.
 *
 * Beside it runs a look at the first and the last bytes of a file, which must take files that are to be refused.
 */
import { fuzzRound } from './support/fuzz.ts'
import type { FuzzOptions } from './support/fuzz.ts'
import type { Outcome } from './support/round.ts'

/** The round. */
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
