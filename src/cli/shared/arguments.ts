/** Parsers of option values that several commands share. */
import { InvalidArgumentError, Option } from 'commander'
import type { AlgorithmChoice } from '../../core/digest.ts'

/** `--algorithm`. */
export function algorithmOption(): Option {
  return new Option('-a, --algorithm <name>', 'hash function')
    .choices(['blake3', 'sha256', 'both'])
    .default('blake3')
}

/** `--threads`. */
export function threadsOption(): Option {
  const text = 'threads to use (default: one per core, more where data is not in memory)'
  return new Option('--threads <count>', text).argParser(wholeNumber(1, 1024))
}

/** What the two options above give. */
export interface HashArguments {
  readonly algorithm: AlgorithmChoice
  readonly threads?: number
}

/** A parser of whole numbers within bounds. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (/^[0-9]+$/.test(text) && value >= least && value <= most) return value
    throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`)
  }
}

/** Collects an option that may come more than once. */
export function collect(value: string, before: readonly string[]): string[] {
  return [...before, value]
}
