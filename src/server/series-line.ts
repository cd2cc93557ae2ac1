/** A series as a line over an axis, which grows as values arrive. */
import { Pyramid } from './pyramid.ts'
import type { MetricSeries } from '../store/metrics/series.ts'
import { picked, stableOrder } from '../util/stable-order.ts'
import type { Line } from './reduce.ts'

/** The axis of a picture. */
export type Axis = 'step' | 'time' | 'epoch' | 'index'

/** Rises of the epoch of a run: from which step on it has which value. */
export interface Epochs {
  readonly steps: readonly number[]
  readonly values: readonly number[]
}

/** A line. Values without a step are at their numbers, and so are all others of that series. */
export class SeriesLine implements Line {
  readonly #wanted: Axis
  /** Milliseconds since 1970. */
  readonly #startedAt: number
  #axis: Axis
  #x: Float64Array = new Float64Array()
  #y: Float64Array = new Float64Array()
  #pyramid = new Pyramid()
  /** Positions in the order of the values, unless they are the steps themselves. */
  #own: Float64Array = new Float64Array()
  #known = 0
  #before = ''
  /** Bytes of the copies in order; 0 while the values come in order. */
  #sorted = 0

  constructor(wanted: Axis, startedAt: number) {
    this.#wanted = wanted
    this.#startedAt = startedAt
    this.#axis = wanted
  }

  /** The axis that it has: that which was wanted, or another one if the series does not have it. */
  get axis(): Axis {
    return this.#axis
  }

  get x(): Float64Array {
    return this.#x
  }

  get y(): Float64Array {
    return this.#y
  }

  get pyramid(): Pyramid {
    return this.#pyramid
  }

  /** Bytes that it takes beside the series. */
  get bytes(): number {
    return this.#own.byteLength + this.#pyramid.bytes + this.#sorted
  }

  /** Take in the values that have come. @param epochs Of the run, for the axis of epochs. */
  update(series: MetricSeries, epochs: Epochs | undefined): void {
    const { values, steps, parts } = series
    // What comes before the values of the run itself can change only if a value of an earlier step comes.
    const before = JSON.stringify(parts.slice(0, -1))
    const isAnew = this.#wanted === 'epoch' && values.length !== this.#known
    if (before !== this.#before || values.length < this.#known || isAnew) this.#reset(this.#wanted)
    this.#before = before
    if (this.#known === values.length && this.#known > 0) return
    const needsSteps = this.#axis === 'step' || this.#axis === 'epoch'
    if (this.#axis === 'epoch' && epochs === undefined) this.#axis = 'step'
    if (needsSteps && hasNone(steps, this.#known)) this.#reset('index')
    const x = this.#positions(series, epochs)
    if (this.#sorted === 0 && isAscending(x, this.#known)) {
      this.#x = x
      this.#y = values
    } else {
      // A run that resumed from a checkpoint logs some steps again.
      const order = stableOrder(x)
      this.#x = picked(x, order)
      this.#y = picked(values, order)
      this.#sorted = values.byteLength * 2
      this.#pyramid = new Pyramid()
    }
    this.#pyramid.extend(this.#y)
    this.#known = values.length
  }

  #reset(axis: Axis): void {
    this.#axis = axis
    this.#known = 0
    this.#sorted = 0
    this.#pyramid = new Pyramid()
  }

  #positions({ values, steps, times }: MetricSeries, epochs: Epochs | undefined): Float64Array {
    if (this.#axis === 'step') return steps
    const { length } = values
    if (this.#own.length < length) {
      const larger = new Float64Array(Math.max(length, Math.min(this.#own.length * 2, length + (1 << 20))))
      larger.set(this.#own.subarray(0, this.#known))
      this.#own = larger
    }
    const positions = this.#own.subarray(0, length)
    if (this.#axis === 'epoch' && epochs !== undefined) return epochPositions(steps, epochs)
    for (let at = this.#known; at < length; at++)
      positions[at] = this.#axis === 'time' ? ((times[at] ?? NaN) - this.#startedAt) / 1000 : at
    return positions
  }
}

function hasNone(steps: Float64Array, from: number): boolean {
  for (let at = from; at < steps.length; at++) if (Number.isNaN(steps[at])) return true
  return false
}

function isAscending(x: Float64Array, from: number): boolean {
  for (let at = Math.max(1, from); at < x.length; at++) if (!((x[at - 1] ?? 0) <= (x[at] ?? 0))) return false
  return true
}

/** Return the rises of a metric that counts epochs, in the order of their steps; `undefined` without any. */
export function risesOf({ values, steps }: Pick<MetricSeries, 'values' | 'steps'>): Epochs | undefined {
  const rises: Epochs = { steps: [], values: [] }
  const [starts, epochs] = [rises.steps as number[], rises.values as number[]]
  for (const index of stableOrder(steps)) {
    const [value = NaN, step = NaN] = [values[index], steps[index]]
    const last = epochs.at(-1)
    if (!Number.isFinite(value) || !Number.isFinite(step) || (last !== undefined && value <= last)) continue
    // Of one step the last value counts.
    if (starts.at(-1) === step) epochs[epochs.length - 1] = value
    else {
      starts.push(step)
      epochs.push(value)
    }
  }
  return epochs.length === 0 ? undefined : rises
}

/** Return the epochs at steps: between two rises as far as the steps are, after the last one as fast as before it. */
export function epochPositions(steps: Float64Array, { steps: starts, values }: Epochs): Float64Array {
  const last = starts.length - 1
  return Float64Array.from(steps, (step) => {
    let [low, high] = [0, starts.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((starts[middle] ?? 0) <= step) low = middle + 1
      else high = middle
    }
    const at = low - 1
    if (at < 0) return values[0] ?? NaN
    const from = Math.min(at, Math.max(0, last - 1))
    const length = (starts[from + 1] ?? NaN) - (starts[from] ?? NaN)
    const height = (values[from + 1] ?? NaN) - (values[from] ?? NaN)
    const part = Math.min(1, (step - (starts[at] ?? 0)) / length)
    return (values[at] ?? NaN) + (Number.isNaN(part) ? 0 : part * height)
  })
}
