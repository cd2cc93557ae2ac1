/** Parsers of option values that several commands share. */
import { InvalidArgumentError, Option } from 'commander'
import type { AlgorithmChoice } from '../../core/digest.ts'

/** Build the option `--algorithm`. */
export function algorithmOption(): Option {
  return new Option('-a, --algorithm <name>', 'hash algorithm')
    .choices(['blake3', 'sha256', 'both'])
    .default('blake3')
}

/** Build the option `--threads`. */
export function threadsOption(): Option {
  const text = 'threads to use (default: one per core, more where data is not in memory)'
  return new Option('--threads <count>', text).argParser(wholeNumber(1, 1024))
}

/** Build the option `--weights`. */
export function weightsOption(): Option {
  return new Option('--weights <name>', 'weights file or shard index to use, in a folder with several')
}

/** Values of `--algorithm` and `--threads`. */
export interface HashArguments {
  readonly algorithm: AlgorithmChoice
  readonly threads?: number
}

/** Return a parser of whole numbers within bounds. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (/^[0-9]+$/.test(text) && value >= least && value <= most) return value
    throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`)
  }
}

/** Collect an option that may occur more than once. */
export function collect(value: string, before: readonly string[]): string[] {
  return [...before, value]
}

/** Split a list of fields at its commas; those in quotation marks are parts of names. */
export function collectFields(text: string, before: readonly string[] = []): string[] {
  const parts = text.match(/(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^,"'])+/g) ?? []
  return [...before, ...parts.map((part) => part.trim())]
}
