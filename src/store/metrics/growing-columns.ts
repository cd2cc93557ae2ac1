/** Columns of a series whose length is not known yet. */
import type { SeriesColumns } from './column-reader.ts'

/** Columns that grow as values arrive. */
export class GrowingColumns {
  #rows = 0
  #columns: [Float64Array, Float64Array, Float64Array] = [0, 0, 0].map(() => new Float64Array(64)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ]

  /** Add a value; a step that is NaN stands for none, the time is in milliseconds since 1970. */
  add(value: number, step: number, time: number): void {
    if (this.#rows === this.#columns[0].length) {
      this.#columns = this.#columns.map((column) => {
        const larger = new Float64Array(column.length * 2)
        larger.set(column)
        return larger
      }) as [Float64Array, Float64Array, Float64Array]
    }
    const [values, steps, times] = this.#columns
    values[this.#rows] = value
    steps[this.#rows] = step
    times[this.#rows] = time
    this.#rows++
  }

  /** Return the values so far. What is added later does not change them. */
  columns(): SeriesColumns {
    const [values, steps, times] = this.#columns
    return {
      values: values.subarray(0, this.#rows),
      steps: steps.subarray(0, this.#rows),
      times: times.subarray(0, this.#rows),
    }
  }
}
