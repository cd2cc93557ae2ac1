/** Errors in their recorded form. */
import { errorText, joinLines } from '../util/error-text.ts'
import { errorCode } from '../util/fs.ts'
import { redactText } from '../secrets/redact.ts'
import type { FailureRecord } from './record.ts'

/** Return the message of an error as one line, without secrets. */
export function reasonOf(error: unknown): string {
  return joinLines(redactText(errorText(error).toWellFormed()))
}

/** Return the recorded form of the error that made a run fail. */
export function failureOf(error: unknown): FailureRecord {
  const code = errorCode(error)
  return { message: reasonOf(error), ...(code !== undefined && { code }) }
}
