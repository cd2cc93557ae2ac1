/** Summaries of metrics: count, first, last, smallest and largest value. */
import { decodeFloat, encodeFloat } from '../json/special-floats.ts'
import type { MetricEvent } from './events.ts'
import type { SeriesByProcess } from './by-process.ts'
import type { MetricRecord, SeriesOrigin } from './record.ts'

/** The running totals of one metric of one process. */
export interface MetricTotals {
  count: number
  nanCount: number
  first: number
  last: number
  min: number | null
  max: number | null
  lastStep: number | null
  readonly source: string | undefined
}

/**
 * Add one value to the totals of its metric. NaN is counted but is neither the smallest nor the largest
 * value.
 */
export function addMetric(totals: SeriesByProcess<MetricTotals>, event: MetricEvent): void {
  const value = decodeFloat(event.value)
  const { name, process = 0, source } = event
  let total = totals.get(name, process)
  if (total === undefined) {
    const extremes = { min: null, max: null, lastStep: null }
    total = { count: 0, nanCount: 0, first: value, last: value, ...extremes, source }
    totals.set(name, process, total)
  }
  total.count++
  total.last = value
  if (Number.isNaN(value)) total.nanCount++
  else {
    if (total.min === null || value < total.min) total.min = value
    if (total.max === null || value > total.max) total.max = value
  }
  if (event.step !== undefined) total.lastStep = event.step
}

/** Return the recorded form of the totals. */
export function metricRecord(total: MetricTotals, origin: SeriesOrigin): MetricRecord {
  const { count, nanCount, first, last, min, max, lastStep, source } = total
  return {
    count,
    nanCount,
    first: encodeFloat(first),
    last: encodeFloat(last),
    min: min === null ? null : encodeFloat(min),
    max: max === null ? null : encodeFloat(max),
    lastStep,
    ...origin,
    ...(source !== undefined && { sources: [source] }),
  }
}
