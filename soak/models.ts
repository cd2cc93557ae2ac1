/**
 * Change model files of every format at random and read them: the result is a typed error, or tensors that lie in the
 * file with the digests of their bytes, and the same on any number of threads.
 *
 * The control looks only at the first bytes of a file, and must accept files that are to be refused.
 */
import { fuzzRound } from './support/fuzz.ts'
import type { FuzzOptions } from './support/fuzz.ts'
import type { Outcome } from './support/round.ts'

/** Run the round. */
export function modelsRound(options: FuzzOptions): Promise<Outcome> {
  return fuzzRound(
    {
      name: 'models',
      promise: 'a model file of any format gives a typed error, or tensors within the file, within a second',
      control: 'look at the start of a file',
      program: new URL('children/models.ts', import.meta.url),
    },
    options,
  )
}
