/** Values of metrics for a plot: a few thousand points, whatever the length of the run. */
import { decodeFloat } from '../json/special-floats.ts'
import { seriesKey } from '../record/series-keys.ts'
import { visitLogged } from './logged.ts'
import type { StoredRun } from '../store/runs.ts'

/** One point of a metric; `y` may be NaN or infinite, and a line leaves it out. */
export interface SeriesPoint {
  readonly x: number
  readonly y: number
}

/** Largest number of points per series. A small plot cannot show more. */
const POINT_LIMIT = 4096

/**
 * Read the values of every metric of a run. A long series is thinned: of each four neighbours the smallest,
 * the largest and those that are not finite remain, so that no spike and no gap is lost.
 *
 * @returns Ordered points by the name of the metric in the record; without steps, `x` is the index of the value.
 */
export async function readSeries(
  run: StoredRun,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, readonly SeriesPoint[]>> {
  const seriesByName = new Map<string, { points: SeriesPoint[]; count: number }>()
  const keyOf = seriesKey(run.record)
  await visitLogged(run, signal, (event) => {
    if (event.type !== 'metric') return
    const { value, step } = event
    const name = keyOf(event)
    let series = seriesByName.get(name)
    if (series === undefined) seriesByName.set(name, (series = { points: [], count: 0 }))
    series.points.push({ x: step ?? series.count, y: decodeFloat(value) })
    series.count++
    if (series.points.length >= POINT_LIMIT) series.points = thin(series.points)
  })
  return new Map([...seriesByName].map(([name, { points }]) => [name, points]))
}

function thin(points: readonly SeriesPoint[]): SeriesPoint[] {
  const thinned: SeriesPoint[] = []
  for (let start = 0; start < points.length; start += 4) {
    const group = points.slice(start, start + 4)
    const numbers = group.filter(({ y }) => Number.isFinite(y))
    const least = numbers.reduce((a, b) => (b.y < a.y ? b : a), numbers[0] ?? { x: 0, y: 0 })
    const most = numbers.reduce((a, b) => (b.y > a.y ? b : a), numbers[0] ?? { x: 0, y: 0 })
    const gap = group.find(({ y }) => !Number.isFinite(y))
    thinned.push(...group.filter((point) => point === least || point === most || point === gap))
  }
  return thinned
}
