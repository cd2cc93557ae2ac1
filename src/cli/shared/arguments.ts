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

/** Add names of columns, which commas separate. A name in double quotes is read as JSON: it can hold a comma, or be empty. */
export function collectColumns(text: string, before: readonly string[] = []): string[] {
  const names = [...before]
  const part = /\s*(?:("(?:[^"\\]|\\.)*")\s*(?=,|$)|([^,]*))(,|$)/y
  let isMore = true
  while (isMore) {
    const [, quoted, bare = '', end] = part.exec(text) ?? []
    const name = quoted === undefined ? bare.trim() : unquoted(quoted)
    if (name === '' && quoted === undefined)
      throw new InvalidArgumentError('A name is empty. A column whose name is empty is written "".')
    names.push(name)
    isMore = end === ','
  }
  return names
}

function unquoted(text: string): string {
  try {
    return String(JSON.parse(text))
  } catch {
    throw new InvalidArgumentError(`${text} is not a JSON string.`)
  }
}
