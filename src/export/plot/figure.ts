/** The metrics of several runs as panels: one for each name, and a table of those with one value. */
import { compareNatural } from '../../util/natural-order.ts'
import type { MetricSeries } from '../../store/metrics/series.ts'
import type { PlotPanel, PlotPoint } from './svg.ts'

/** The content of a figure, before it is drawn. */
export interface Figure {
  /** Metrics of which a run has several values, in the natural order of their names. */
  readonly panels: readonly PlotPanel[]
  /** Metrics of which no run has more than one value: the name, and the value of each run. */
  readonly single: readonly (readonly [name: string, ...values: (number | null)[]])[]
  /** Names of metrics for which there was no room. */
  readonly omitted: readonly string[]
}

/** More panels would not be readable. */
const PANELS = 24

/** Parts of a line of which the smallest and the largest value are drawn: more than there are dots across a page. */
const BUCKETS = 1000

/**
 * Arrange series as a figure.
 *
 * @param runs Ids of the runs, in the order of the legend.
 * @param smooth Weight of the values before, from 0 to below 1, as TensorBoard has it; 0 draws the values alone.
 */
export function figureOf(runs: readonly string[], series: readonly MetricSeries[], smooth: number): Figure {
  const byName = new Map<string, Map<string, MetricSeries>>()
  for (const item of series) {
    const lines = byName.get(item.name) ?? new Map<string, MetricSeries>()
    byName.set(item.name, lines.set(item.run, item))
  }
  const panels: PlotPanel[] = []
  const single: [string, ...(number | null)[]][] = []
  const omitted: string[] = []
  for (const name of [...byName.keys()].toSorted(compareNatural)) {
    const lines = runs.map((run) => byName.get(name)?.get(run))
    if (lines.every((line) => line === undefined || line.values.length <= 1))
      single.push([name, ...lines.map((line) => line?.values[0] ?? null)])
    else if (panels.length === PANELS) omitted.push(name)
    else panels.push({ title: name, series: lines.map((line) => lineOf(line, smooth)) })
  }
  return { panels, single, omitted }
}

function lineOf(series: MetricSeries | undefined, smooth: number): PlotPanel['series'][number] {
  if (series === undefined) return { points: [] }
  const { x, y } = inOrder(series)
  if (smooth === 0) return { points: thin(x, y) }
  return { points: thin(x, smoothed(y, smooth)), raw: thin(x, y) }
}

/** Return the steps and values in the order of the steps; without steps, the index of a value takes their part. */
function inOrder({ steps, values }: MetricSeries): { x: Float64Array; y: Float64Array } {
  const x = steps.map((step, index) => (Number.isNaN(step) ? index : step))
  if (x.every((step, index) => index === 0 || step >= (x[index - 1] ?? step))) return { x, y: values }
  const order = Array.from(x.keys()).toSorted((a, b) => (x[a] ?? 0) - (x[b] ?? 0))
  return {
    x: Float64Array.from(order, (index) => x[index] ?? NaN),
    y: Float64Array.from(order, (index) => values[index] ?? NaN),
  }
}

/**
 * Return the exponential moving average, corrected for its start. What is no finite number stays, and does not count.
 */
function smoothed(values: Float64Array, weight: number): Float64Array {
  let average = 0
  let share = 0
  return values.map((value) => {
    if (!Number.isFinite(value)) return value
    average = average * weight + value * (1 - weight)
    share = share * weight + (1 - weight)
    return average / share
  })
}

/** Reduce many points to the visible ones: of each part the smallest, the largest and one that is not a number. */
function thin(x: Float64Array, y: Float64Array): PlotPoint[] {
  const all = x.length
  const point = (index: number): PlotPoint => ({ x: x[index] ?? NaN, y: y[index] ?? NaN })
  if (all <= 4 * BUCKETS) return Array.from(x.keys(), point)
  const size = Math.ceil(all / BUCKETS)
  const points: PlotPoint[] = []
  for (let start = 0; start < all; start += size) {
    let [least, most, gap] = [-1, -1, -1]
    for (let index = start; index < Math.min(all, start + size); index++) {
      const value = y[index] ?? NaN
      if (!Number.isFinite(value)) gap = gap < 0 ? index : gap
      else {
        if (least < 0 || value < (y[least] ?? NaN)) least = index
        if (most < 0 || value > (y[most] ?? NaN)) most = index
      }
    }
    const kept = new Set([least, most, gap].filter((index) => index >= 0))
    points.push(...[...kept].toSorted((a, b) => a - b).map(point))
  }
  return points
}
