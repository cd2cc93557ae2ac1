/** Errors as a record holds them. */
import { errorText, joinLines } from '../util/error-text.ts'
import { errorCode } from '../util/fs.ts'
import { redactText } from '../secrets/redact.ts'
import type { FailureRecord } from './record.ts'

/** What went wrong, in one line, without secrets. */
export function reasonOf(error: unknown): string {
  return joinLines(redactText(errorText(error).toWellFormed()))
}

/** Why a run failed. */
export function failureOf(error: unknown): FailureRecord {
  const code = errorCode(error)
  return { message: reasonOf(error), ...(code !== undefined && { code }) }
}
