/** Failures as a line for people and, with `--json`, as the one document on stdout. */
import { CommanderError } from 'commander'
import { LineaprintError } from '../../core/errors.ts'
import { errorText, joinLines } from '../../util/error-text.ts'
import { hasPrintedJson, printError, printJson } from './output.ts'
import type { ErrorDetails } from '../../core/errors.ts'

/** A failure in JSON. `code` is stable. Absent fields do not apply. */
export interface Failure extends Omit<ErrorDetails, 'cause'> {
  readonly code: string
  readonly message: string
}

/** Failures caused by wrong usage. */
const USAGE_CODES: ReadonlySet<string> = new Set(['ERR_LINEAPRINT_ARGUMENT', 'ERR_LINEAPRINT_CONFIGURATION'])

/** Ends a command that was interrupted. */
export class Interrupted extends Error {}

/** Tell whether an error is one of wrong usage, which has an exit code of its own. */
export function isUsage(error: unknown): boolean {
  return error instanceof CommanderError || (LineaprintError.is(error) && USAGE_CODES.has(error.code))
}

/** Return an error as a failure. The texts of paths, fields and values are as they were given. */
export function failureOf(error: unknown): Failure {
  if (error instanceof Interrupted) return { code: 'ERR_LINEAPRINT_INTERRUPTED', message: 'interrupted' }
  if (error instanceof CommanderError) return usageFailure(error.message)
  const message = joinLines(errorText(error))
  if (!LineaprintError.is(error)) return { code: 'ERR_LINEAPRINT_INTERNAL', message }
  const { code, path, tensor, field, expected, received, hint } = error
  return { code, message, path, tensor, field, expected, received, hint }
}

/** The text of Commander about a value of an option: its flags, the value, and the rest. */
const OPTION_VALUE = /^option '(?<flags>[^']*)' argument '(?<value>.*)' is invalid\. (?<rest>.*)$/s
/** The text of Commander about an argument. */
const ARGUMENT_VALUE =
  /^command-argument value '(?<value>.*)' is invalid for argument '(?<flags>[^']*)'\. (?<rest>.*)$/s

/**
 * Return a usage error of Commander as a failure. Values that are not valid get the sentence and the fields of all other
 * errors; other texts stay.
 */
function usageFailure(text: string): Failure {
  const message = text
    .replace(/^error: /, '')
    .trim()
    .replace(/\.$/, '')
  const code = 'ERR_LINEAPRINT_ARGUMENT'
  const option = OPTION_VALUE.exec(message)?.groups
  const parts = option ?? ARGUMENT_VALUE.exec(message)?.groups
  if (parts === undefined) return { code, message: joinLines(message) }
  const { flags = '', value = '', rest = '' } = parts
  const field = option === undefined ? flags : (/--[a-z-]+/.exec(flags)?.[0] ?? flags)
  const subject = `the ${option === undefined ? 'argument' : 'option'} ${field} has an invalid value`
  const received = JSON.stringify(value)
  const wanted = /^(?:Allowed choices are|Expected) (?<expected>.*?)(?:; (?<hint>.*))?$/s.exec(rest)?.groups
  if (wanted === undefined) {
    const hint = rest.charAt(0).toLowerCase() + rest.slice(1)
    return { code, message: joinLines(`${subject} (received ${received}); ${hint}`), field, received, hint }
  }
  const { expected = '', hint } = wanted
  const advice = hint === undefined ? '' : `; ${hint}`
  return {
    code,
    message: joinLines(`${subject} (expected ${expected}, received ${received})${advice}`),
    field,
    expected,
    received,
    ...(hint !== undefined && { hint }),
  }
}

/**
 * Report a failure: one line on stderr and, if the user asked for JSON, the document `{ "error": … }` on stdout. A
 * command that has printed its document already keeps it as the only one.
 */
export function reportFailure(failure: Failure, json: boolean): void {
  printError(`lineaprint: ${failure.message}`)
  printFailure(failure, json)
}

/** Print the document about a failure, if the user asked for JSON and no document was printed. */
export function printFailure(failure: Failure, json: boolean): void {
  if (json && !hasPrintedJson()) printJson({ error: failure })
}
