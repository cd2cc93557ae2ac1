/** The metrics of one run as plots. */
import { plotSvg } from './svg.ts'
import type { PlotPoint } from './svg.ts'
import type { MetricPoint } from '../source.ts'

/** More panels would not be readable; the metrics logged first are drawn. */
const PANELS = 24

/** More points than twice the dots across a page cannot be seen. */
const BUCKETS = 1000

/**
 * Draw each metric over its steps.
 *
 * @param title For example the id of the run.
 * @returns An SVG document; `undefined` if nothing was logged.
 */
export function metricsSvg(title: string, points: readonly MetricPoint[]): string | undefined {
  const series = new Map<string, PlotPoint[]>()
  for (const { name, step, value } of points) {
    const line = series.get(name) ?? []
    if (line.length === 0) series.set(name, line)
    line.push({ x: step, y: value })
  }
  if (series.size === 0) return undefined
  const panels = [...series]
    .slice(0, PANELS)
    .map(([name, line]) => ({ title: name, series: [{ points: thin(line.toSorted((a, b) => a.x - b.x)) }] }))
  return plotSvg({ title, xLabel: 'step', legend: [], panels })
}

/**
 * Reduce many points to the visible ones: per bucket the smallest, the largest and one that is not a number.
 */
function thin(line: readonly PlotPoint[]): readonly PlotPoint[] {
  if (line.length <= 4 * BUCKETS) return line
  const size = Math.ceil(line.length / BUCKETS)
  return Array.from({ length: Math.ceil(line.length / size) }, (_, index) => {
    const bucket = line.slice(index * size, (index + 1) * size)
    const numbers = bucket.filter(({ y }) => Number.isFinite(y)).toSorted((a, b) => a.y - b.y)
    const kept = new Set([numbers[0], numbers.at(-1), bucket.find(({ y }) => !Number.isFinite(y))])
    return bucket.filter((point) => kept.has(point))
  }).flat()
}
