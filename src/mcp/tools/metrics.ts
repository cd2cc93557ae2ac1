/** The tool that reads metrics. */
import { z } from 'zod/mini'
import { findRun } from '../../database/runs.ts'
import { encodeFloat } from '../../json/special-floats.ts'
import { reduceLine } from '../../server/reduce.ts'
import { SeriesLine } from '../../server/series-line.ts'
import { matchesGlob } from '../../util/glob.ts'
import { BYTES, CURSOR, positionOf, runArgument, textsArgument } from '../arguments.ts'
import { asJson, listFrom, tool } from '../tool.ts'
import type { MetricSeries } from '../../store/metrics/series.ts'
import type { Tool } from '../tool.ts'

/** Most runs of one question. */
const RUNS = 50

/** Most points of one series. */
const POINTS = 10_000

/** Read metrics. */
export const METRICS: Tool = tool({
  name: 'metrics',
  title: 'Read metrics',
  description:
    'Read the metrics of runs: of each series the number of values, the first and the last, the least and the greatest with their positions, and how many are NaN or infinite. With points, also the course: of equal parts the first, the least, the greatest and the last value, so that no spike is lost; all values if there are no more than points.',
  schema: z.strictObject({
    runs: z.array(runArgument('A run')).check(z.minLength(1), z.maxLength(RUNS), z.describe('The runs')),
    metric: z.optional(textsArgument('Patterns of names, * for any characters; by default all', 100)),
    from: z.optional(z.number().check(z.describe('Least step'))),
    to: z.optional(z.number().check(z.describe('Greatest step'))),
    points: z.prefault(
      z.int().check(z.minimum(0), z.maximum(POINTS), z.describe('Most points of each series')),
      0,
    ),
    ...CURSOR,
    ...BYTES,
  }),
  answer: async ({ runs, metric, from, to, points, cursor }, { store, reader }, signal) => {
    const described: object[] = []
    const warnings = new Set<string>()
    for (const reference of runs) {
      const { id } = await findRun(store, reference)
      const { run, series, warnings: ofRun } = await reader.metrics(id, signal)
      for (const warning of ofRun) warnings.add(warning)
      const wanted = series.filter(
        ({ name }) => metric === undefined || metric.some((pattern) => matchesGlob(pattern, name)),
      )
      const startedAt = Date.parse(run.record.startedAt)
      for (const each of wanted) described.push(describeSeries(each, { startedAt, from, to, points }))
    }
    const head = warnings.size > 0 ? { warnings: [...warnings] } : {}
    return { head, list: listFrom('series', described, positionOf(cursor)) }
  },
})

interface Part {
  readonly startedAt: number
  readonly from: number | undefined
  readonly to: number | undefined
  readonly points: number
}

function describeSeries(
  series: MetricSeries,
  { startedAt, from = -Infinity, to = Infinity, points }: Part,
): object {
  const line = new SeriesLine('step', startedAt)
  line.update(series, undefined)
  const { axis, x, y } = line
  let count = 0
  let notFinite = 0
  let first = -1
  let last = -1
  let min = -1
  let max = -1
  for (let at = 0; at < x.length; at++) {
    const position = x[at] ?? NaN
    if (!(position >= from && position <= to)) continue
    count++
    if (first < 0) first = at
    last = at
    const value = y[at] ?? NaN
    if (!Number.isFinite(value)) {
      notFinite++
      continue
    }
    if (min < 0 || value < (y[min] ?? NaN)) min = at
    if (max < 0 || value > (y[max] ?? NaN)) max = at
  }
  const point = (at: number): unknown => (at < 0 ? null : [x[at], encodeFloat(y[at] ?? NaN)])
  return {
    run: series.run,
    metric: series.name,
    axis,
    count,
    ...(notFinite > 0 && { notFinite }),
    first: point(first),
    last: point(last),
    min: point(min),
    max: point(max),
    ...(points > 0 && count > 0 && pointsOf({ x, y }, first, last, count, points)),
  }
}

/** Return the course of a part of a series, in at most so many points. */
function pointsOf(
  { x, y }: { readonly x: Float64Array; readonly y: Float64Array },
  first: number,
  last: number,
  count: number,
  points: number,
): object {
  const own = { x: x.subarray(first, last + 1), y: y.subarray(first, last + 1) }
  // Each part has two to four values, and one more for a gap.
  let kept = own
  for (let parts = points; kept.x.length > points; parts = Math.floor(parts * 0.8))
    kept =
      parts >= 1
        ? reduceLine(own, -Infinity, Infinity, parts)
        : { x: own.x.slice(0, 1), y: own.y.slice(0, 1) }
  return {
    points: Array.from(kept.x, (position, index) => asJson([position, encodeFloat(kept.y[index] ?? NaN)])),
    ...(kept.x.length < count && { reducedFrom: count }),
  }
}
