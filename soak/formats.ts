/**
 * Change model files at random and read them: a typed error, or the tensors that a slow reader finds.
 *
 * Beside it runs a reader without checks, which must take models that are to be refused.
 */
import { fuzzRound } from './support/fuzz.ts'
import type { FuzzOptions } from './support/fuzz.ts'
import type { Outcome } from './support/round.ts'

/** The round. */
export function formatsRound(options: FuzzOptions): Promise<Outcome> {
  return fuzzRound(
    {
      name: 'formats',
      promise: 'a model file gives a typed error or the tensors that a slow reader finds, within a second',
      control: 'reader without checks',
      program: new URL('children/formats.ts', import.meta.url),
    },
    options,
  )
}
