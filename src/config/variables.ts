/**
 * Readers of options in environment variables: each converts the text of a variable into the value of an
 * option.
 */
import { LineaprintError } from '../core/errors.ts'
import { parseJson, toObjects } from '../json/parse.ts'
import { errorText } from '../util/error-text.ts'

/**
 * Convert text into the value of an option. Invalid text is returned unchanged, so that the schema reports
 * it.
 *
 * @param name The variable, for errors.
 * @throws ERR_LINEAPRINT_CONFIGURATION for JSON that does not parse.
 */
export type VariableReader = (text: string, name: string) => unknown

/** Return the text unchanged. */
export const textVariable: VariableReader = (text) => text

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['1', true],
  ['yes', true],
  ['on', true],
  ['false', false],
  ['0', false],
  ['no', false],
  ['off', false],
])

/** Parse a word for yes or no. */
export const booleanVariable: VariableReader = (text) => BOOLEANS.get(text.toLowerCase()) ?? text

/** Split at commas; spaces around an item and empty items are dropped. */
export const listVariable: VariableReader = (text) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')

/** Parse JSON. */
export const jsonVariable: VariableReader = (text, name) => parseJsonText(text, name)

/** Parse a word for yes or no, or an object in JSON. */
export const switchVariable: VariableReader = (text, name) =>
  text.startsWith('{') ? jsonVariable(text, name) : booleanVariable(text, name)

/** Parse a word for yes or no, for all options of a group, or an object in JSON. */
export function groupVariable(members: readonly string[]): VariableReader {
  return (text, name) => {
    const value = switchVariable(text, name)
    return typeof value === 'boolean' ? Object.fromEntries(members.map((member) => [member, value])) : value
  }
}

/** Parse a number of seconds, or a word for yes or no. `1` means one second. */
export const intervalVariable: VariableReader = (text, name) => {
  const word = text.trim()
  const seconds = Number(word)
  if (word === '' || word === '0' || !Number.isFinite(seconds)) {
    const value = booleanVariable(word, name)
    return typeof value === 'boolean' ? value : text
  }
  return { intervalSeconds: seconds }
}

/** Return the variable of an option, for example `LINEAPRINT_SAVE_TO_JSON`. */
export function variableName(key: string): string {
  return `LINEAPRINT_${key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`
}

/**
 * Parse JSON into objects and arrays.
 *
 * @param source A file or a variable, for errors.
 * @throws ERR_LINEAPRINT_CONFIGURATION if it does not parse.
 */
export function parseJsonText(text: string, source: string): unknown {
  return parseOrRefuse(source, () => toObjects(parseJson(text, source).value))
}

/** Call a parser, and convert an error that it throws into a configuration error. */
export function parseOrRefuse(source: string, parse: () => unknown): unknown {
  try {
    return parse()
  } catch (cause) {
    const message = errorText(cause)
    const reason = message.startsWith(`${source}: `) ? message.slice(source.length + 2) : message
    throw new LineaprintError('ERR_LINEAPRINT_CONFIGURATION', `it does not parse: ${reason}`, {
      path: source,
      cause,
    })
  }
}
