/** Errors as a record holds them. */
import { redactText } from '../secrets/redact.ts'
import type { FailureRecord } from './record.ts'

/** What went wrong, in one line, without secrets. */
export function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message || error.name : String(error)
  return redactText(message.toWellFormed()).replace(/\s*\n\s*/g, ' ')
}

/** Why a run failed. */
export function failureOf(error: unknown): FailureRecord {
  const code =
    error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
  return { message: reasonOf(error), ...(code !== undefined && { code }) }
}
