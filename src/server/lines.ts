/** Series as lines over an axis, and their form in an answer. */
import { reduceLine } from './reduce.ts'
import type { SeriesColumns } from '../store/metrics/column-reader.ts'
import type { MetricSeries } from '../store/metrics/series.ts'
import type { MetricsHead, SeriesHead } from './api/types.ts'
import type { Line } from './reduce.ts'

/** The axis of a picture. */
export type Axis = 'step' | 'time' | 'index'

/** A picture that is asked for. */
export interface LineRequest {
  readonly axis: Axis
  /** Ends of the range; the whole axis by default. */
  readonly from?: number | undefined
  readonly to?: number | undefined
  readonly pixels: number
}

interface AxisLine extends Line {
  readonly axis: Axis
}

/** Lines of series that were asked for before: ten million values take a while to bring into order. */
const LINES = new WeakMap<SeriesColumns, Map<Axis, AxisLine>>()

/**
 * Return a series as a line. Values without a step are at their numbers, and so are all others of that series.
 *
 * @param startedAt Start of the run, in milliseconds since 1970.
 */
export function lineOf(series: SeriesColumns, wanted: Axis, startedAt: number): AxisLine {
  const known = LINES.get(series) ?? new Map<Axis, AxisLine>()
  LINES.set(series, known)
  const line = known.get(wanted) ?? buildLine(series, wanted, startedAt)
  known.set(wanted, line)
  return line
}

function buildLine({ values, steps, times }: SeriesColumns, wanted: Axis, startedAt: number): AxisLine {
  const axis = wanted === 'step' && steps.some((step) => Number.isNaN(step)) ? 'index' : wanted
  const x =
    axis === 'step'
      ? steps
      : axis === 'time'
        ? times.map((time) => (time - startedAt) / 1000)
        : Float64Array.from(values, (_, index) => index)
  if (isAscending(x)) return { axis, x, y: values }
  // A run that resumed from a checkpoint logs some steps again.
  const order = Array.from(x.keys()).toSorted((a, b) => (x[a] ?? 0) - (x[b] ?? 0) || a - b)
  return {
    axis,
    x: Float64Array.from(order, (index) => x[index] ?? NaN),
    y: Float64Array.from(order, (index) => values[index] ?? NaN),
  }
}

function isAscending(x: Float64Array): boolean {
  for (let at = 1; at < x.length; at++) if (!((x[at - 1] ?? 0) <= (x[at] ?? 0))) return false
  return true
}

/** A series with the start of its run. */
export interface SeriesOfRun {
  readonly series: MetricSeries
  readonly startedAt: number
}

/**
 * Return the answer to a request for lines: the length of a head in JSON as four bytes (little-endian), the head, spaces up to
 * a multiple of eight bytes, and for each series its positions and then its values as doubles (little-endian).
 */
export function encodeLines(
  all: readonly SeriesOfRun[],
  request: LineRequest,
  warnings: readonly string[],
): Uint8Array<ArrayBuffer> {
  const columns: Float64Array[] = []
  const heads = all.map(({ series, startedAt }): SeriesHead => {
    const line = lineOf(series, request.axis, startedAt)
    const { from = -Infinity, to = Infinity, pixels } = request
    const { x, y, inRange, isReduced, notFinite } = reduceLine(line, from, to, pixels)
    columns.push(x, y)
    return {
      run: series.run,
      name: series.name,
      count: series.values.length,
      inRange,
      points: x.length,
      isReduced,
      axis: line.axis,
      notFinite,
      from: line.x[0] ?? null,
      to: line.x.at(-1) ?? null,
    }
  })
  const head: MetricsHead = { series: heads, warnings }
  const text = Buffer.from(JSON.stringify(head))
  const start = Math.ceil((4 + text.length) / 8) * 8
  const size = columns.reduce((sum, column) => sum + column.byteLength, start)
  const bytes = new Uint8Array(size).fill(0x20, 0, start)
  new DataView(bytes.buffer).setUint32(0, start - 4, true)
  bytes.set(text, 4)
  let at = start
  for (const column of columns) {
    // Every platform of the addon is little-endian.
    bytes.set(new Uint8Array(column.buffer, column.byteOffset, column.byteLength), at)
    at += column.byteLength
  }
  return bytes
}
