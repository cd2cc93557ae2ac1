/** Checks of parsed values against the schemas of events and captures. */
import { eventSchema } from './event-schema.ts'
import { captureSchema } from './schema-parts.ts'
import type { JournalEvent } from './events.ts'
import type { CaptureRecord } from './record.ts'

/** Return whether a value is the result of a capture in its recorded form. */
export function isCapture(value: unknown): value is CaptureRecord {
  return captureSchema().safeParse(value).success
}

/** Return whether a parsed line is an event. */
export function isEvent(value: unknown): value is JournalEvent {
  return isFiniteMetric(value) || eventSchema().safeParse(value).success
}

/**
 * Check a metric with a finite value in the same way as the schema, in a tenth of the time: a journal can
 * have millions of metrics.
 */
function isFiniteMetric(input: unknown): boolean {
  if (typeof input !== 'object' || input === null) return false
  const { type, seq, time, name, value, step, process, source } = input as Record<string, unknown>
  return (
    type === 'metric' &&
    Number.isSafeInteger(seq) &&
    (seq as number) >= 1 &&
    typeof time === 'string' &&
    typeof name === 'string' &&
    Number.isFinite(value) &&
    (!('step' in input) || Number.isFinite(step)) &&
    (!('source' in input) || typeof source === 'string') &&
    (!('process' in input) || (Number.isSafeInteger(process) && (process as number) >= 1))
  )
}
