/** Summaries of metrics: count, first, last, smallest and largest value. */
import { decodeFloat, encodeFloat } from '../json/special-floats.ts'
import { OWN_SOURCE } from './record.ts'
import type { MergedEvent, MetricEvent } from './events.ts'
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
  /** Other sources that reported the same values. */
  others: readonly string[]
}

/**
 * Add one value to the totals of its metric. NaN is counted but is neither the smallest nor the largest
 * value.
 */
export function addMetric(totals: SeriesByProcess<MetricTotals>, event: MetricEvent): void {
  const value = decodeFloat(event.value)
  const { name, process = 0, source } = event
  let total = totals.get(name, process, source)
  if (total === undefined) {
    const extremes = { min: null, max: null, lastStep: null }
    total = { count: 0, nanCount: 0, first: value, last: value, ...extremes, others: [] }
    totals.set(name, process, total, source)
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

/** Add sources that reported the values of a series as well. */
export function addSources(totals: SeriesByProcess<MetricTotals>, event: MergedEvent): void {
  const total = totals.get(event.name, event.process ?? 0, event.source)
  if (total !== undefined) total.others = [...new Set([...total.others, ...event.with])]
}

/**
 * Return the recorded form of the totals.
 *
 * @param source The source of the values; empty for what a program logged itself.
 */
export function metricRecord(total: MetricTotals, origin: SeriesOrigin, source: string): MetricRecord {
  const { count, nanCount, first, last, min, max, lastStep, others } = total
  const isReported = source !== '' || others.length > 0
  return {
    count,
    nanCount,
    first: encodeFloat(first),
    last: encodeFloat(last),
    min: min === null ? null : encodeFloat(min),
    max: max === null ? null : encodeFloat(max),
    lastStep,
    ...origin,
    ...(isReported && { sources: [source === '' ? OWN_SOURCE : source, ...others] }),
  }
}
