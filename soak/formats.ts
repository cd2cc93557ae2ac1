/**
 * Change model files at random and read them: the result is a typed error, or the tensors that a slow reader
 * finds.
 *
 * The control is a reader without checks, which must accept models that are to be refused.
 */
import { fuzzRound } from './support/fuzz.ts'
import type { FuzzOptions } from './support/fuzz.ts'
import type { Outcome } from './support/round.ts'

/** Run the round. */
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
