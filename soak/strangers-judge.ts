/** The checks of an output and of an error of a command that read what a stranger wrote. */
import { LineaprintError } from '../src/core/errors.ts'

/** Characters that control a terminal or hide text, apart from line feeds and tabs. */
// eslint-disable-next-line no-control-regex
const RAW =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]/u

/** The codes of the progress line of a terminal. */
const PROGRESS = /\r\u001b\[K/g

/** Words of errors that a reader which trusts its input throws. */
const TRUSTING =
  /ERR_LINEAPRINT_INTERNAL|TypeError|RangeError|ReferenceError|is not a function|is not iterable|Cannot (?:read|set|convert|destructure)|Maximum call stack|Invalid time value|Invalid array length/

/** Return what is wrong with text on a terminal, if anything. */
export function textFault(text: string): string | undefined {
  const raw = RAW.exec(text.replace(PROGRESS, ''))
  if (raw !== null) return `raw U+${(raw[0].codePointAt(0) ?? 0).toString(16)} in ${near(text, raw.index)}`
  const trusting = TRUSTING.exec(text)
  return trusting === null ? undefined : `trusted its input: ${near(text, trusting.index)}`
}

/** Return what is wrong with an error, if anything. */
export function errorFault(error: unknown): string | undefined {
  if (LineaprintError.is(error))
    return error.code === 'ERR_LINEAPRINT_INTERNAL' ? `internal: ${error.message}` : undefined
  const isUsage = error instanceof Error && 'code' in error && String(error.code).startsWith('commander.')
  if (isUsage) return undefined
  return `not an error of lineaprint: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`
}

function near(text: string, at: number): string {
  return JSON.stringify(text.slice(Math.max(0, at - 60), at + 60))
}
