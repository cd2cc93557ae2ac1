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
  if (error instanceof CommanderError)
    return { code: 'ERR_LINEAPRINT_ARGUMENT', message: usageText(error.message) }
  const message = joinLines(errorText(error))
  if (!LineaprintError.is(error)) return { code: 'ERR_LINEAPRINT_INTERNAL', message }
  const { code, path, tensor, field, expected, received, hint } = error
  return { code, message, path, tensor, field, expected, received, hint }
}

/** Return the text of a usage error of Commander as one line. */
export function usageText(text: string): string {
  return joinLines(text.replace(/^error: /, '').trim()).replace(/\.$/, '')
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
