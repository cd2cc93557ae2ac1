/** Metric values that a program logs: checked, and turned into events. */
import { LineaprintError } from '../core/errors.ts'
import { encodeFloat } from '../json/special-floats.ts'
import { checkName } from '../json/copy.ts'
import type { MetricEvent } from '../record/events.ts'

/** The step and time of a value. */
export interface MetricOptions {
  /** Any number that orders the values: a step, an epoch. */
  readonly step?: number | undefined
  /** A date, or milliseconds since 1970. @default now */
  readonly timestamp?: Date | number | undefined
}

/** The process and the source of a value. */
export interface MetricOrigin {
  /** Number of the process that logs it; absent for this process. */
  readonly process?: number | undefined
  /** The library to which a program reported it, or the file that has it; absent if it was logged with lineaprint. */
  readonly source?: string | undefined
}

/** Check a value and create its event. */
export function metricEvent(
  name: string,
  value: number,
  { step, timestamp }: MetricOptions,
  { process, source }: MetricOrigin = {},
): { event: MetricEvent; time: string | undefined } {
  checkName(name, 'the name of a metric')
  if (typeof value !== 'number') throw refusal(name, 'a number', typeof value)
  if (step !== undefined && !Number.isFinite(step))
    throw refusal(name, 'a finite number as step', String(step))
  const time = timestamp === undefined ? undefined : new Date(timestamp)
  if (time !== undefined && Number.isNaN(time.getTime()))
    throw refusal(name, 'a date as timestamp', String(timestamp))
  const event = {
    type: 'metric',
    name,
    value: encodeFloat(value),
    ...(step !== undefined && { step }),
    ...(process !== undefined && { process }),
    ...(source !== undefined && { source }),
  } as const
  return { event, time: time?.toISOString() }
}

function refusal(name: string, expected: string, received: string): LineaprintError {
  return new LineaprintError(
    'ERR_LINEAPRINT_ARGUMENT',
    `the metric ${JSON.stringify(name)} cannot be logged`,
    {
      field: name,
      expected,
      received,
    },
  )
}
