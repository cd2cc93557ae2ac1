/**
 * Values of a series reduced to what a picture can show. Of each pixel the first, the least, the greatest and the last value
 * are kept, so that a line through them covers the same pixels as one through all values (Jugel et al., "M4", VLDB 2014).
 */
import { picked } from '../util/stable-order.ts'
import { scanExtremes } from './pyramid.ts'
import type { Pyramid } from './pyramid.ts'

/** Points of a line, in the order of the axis. */
export interface Line {
  readonly x: Float64Array
  /** NaN where no finite value is. */
  readonly y: Float64Array
}

/** A reduced range of a series. */
export interface Reduced extends Line {
  readonly inRange: number
  readonly isReduced: boolean
  /** Values in the range that are NaN or infinite. */
  readonly notFinite: number
}

/**
 * Reduce the values in a range to at most four points for each pixel, and one more for each gap. Time: one pass, or
 * that of the pixels with the pyramid of the values.
 *
 * @param line In the order of `x`.
 * @param from Least position; those just outside are included, so that a line reaches the edges.
 * @param to Greatest position.
 * @param pixels Columns of the picture.
 * @param pyramid Of `y`.
 */
export function reduceLine(
  { x, y }: Line,
  from: number,
  to: number,
  pixels: number,
  pyramid?: Pyramid,
): Reduced {
  const start = Math.max(0, lowerBound(x, from) - 1)
  const end = Math.min(x.length, upperBound(x, to) + 1)
  const inRange = end - start
  if (inRange <= pixels * 4) {
    let notFinite = 0
    for (let at = start; at < end; at++) if (!Number.isFinite(y[at])) notFinite++
    return { x: x.slice(start, end), y: y.slice(start, end), inRange, isReduced: false, notFinite }
  }
  const least = x[start] ?? 0
  const width = ((x[end - 1] ?? 0) - least) / pixels
  const points: number[] = []
  let notFinite = 0
  let at = start
  for (let pixel = 1; at < end; pixel++) {
    const bound = least + pixel * width
    // All positions can be equal; then everything is in one pixel.
    const stop = pixel >= pixels || !(width > 0) ? end : search(x, (position) => position >= bound, at, end)
    const { kept, gaps } = pyramid?.extremes(y, at, stop) ?? scanExtremes(y, at, stop)
    notFinite += gaps
    for (const index of kept) points.push(index)
    at = stop
  }
  return {
    x: picked(x, points),
    y: picked(y, points),
    inRange,
    isReduced: true,
    notFinite,
  }
}

/**
 * Reduce a picture to one with fewer pixels, each of which is a whole number of its columns: exactly to that which the
 * values would give. Time: one pass.
 *
 * @param picture The points that were kept of each column.
 * @param ends The least and greatest position of the values: those of the first and last points can be others.
 */
export function reducePicture(
  { x, y }: Line,
  { from: least, to }: { readonly from: number; readonly to: number },
  pixels: number,
): Line {
  const width = (to - least) / pixels
  const most = Math.min(x.length, pixels * 5)
  const kept = { x: new Float64Array(most), y: new Float64Array(most), count: 0 }
  const end = x.length
  let at = 0
  // A comparison of many runs comes by here with millions of points: nothing is made for a pixel.
  for (let pixel = 1; at < end; pixel++) {
    // Nothing is beyond a bound that is NaN.
    const bound = pixel >= pixels || !(width > 0) ? NaN : least + pixel * width
    let [first, min, max, last, gap] = [-1, -1, -1, -1, -1]
    let [lowest, highest] = [Infinity, -Infinity]
    for (; at < end && !((x[at] ?? NaN) >= bound); at++) {
      const value = y[at] ?? NaN
      if (value - value !== 0) {
        gap = at
        continue
      }
      if (first < 0) first = at
      last = at
      if (value < lowest) {
        lowest = value
        min = at
      }
      if (value > highest) {
        highest = value
        max = at
      }
    }
    const [lower, upper] = min < max ? [min, max] : [max, min]
    gap = keep(kept, { x, y }, first, gap, -1)
    gap = keep(kept, { x, y }, lower, gap, first)
    gap = keep(kept, { x, y }, upper, gap, lower)
    gap = keep(kept, { x, y }, last, gap, upper)
    if (gap >= 0) put(kept, { x, y }, gap)
  }
  return { x: kept.x.slice(0, kept.count), y: kept.y.slice(0, kept.count) }
}

interface Kept extends Line {
  count: number
}

/** Keep a point that is not the one before, and before it a gap that comes first. Return the gap that remains, or -1. */
function keep(kept: Kept, line: Line, index: number, gap: number, before: number): number {
  if (index < 0 || index === before) return gap
  const isBefore = gap >= 0 && gap < index
  if (isBefore) put(kept, line, gap)
  put(kept, line, index)
  return isBefore ? -1 : gap
}

function put(kept: Kept, { x, y }: Line, index: number): void {
  kept.x[kept.count] = x[index] ?? NaN
  kept.y[kept.count] = y[index] ?? NaN
  kept.count++
}

/** Return the index of the first position that is at least `bound`. */
function lowerBound(x: Float64Array, bound: number): number {
  return search(x, (value) => value >= bound, 0, x.length)
}

/** Return the index of the first position that is greater than `bound`. */
function upperBound(x: Float64Array, bound: number): number {
  return search(x, (value) => value > bound, 0, x.length)
}

/** Return the first index in a part at which a condition holds that holds of all after it. */
function search(x: Float64Array, isRight: (value: number) => boolean, start: number, end: number): number {
  let low = start
  let high = end
  while (low < high) {
    const middle = (low + high) >>> 1
    if (isRight(x[middle] ?? NaN)) high = middle
    else low = middle + 1
  }
  return low
}
