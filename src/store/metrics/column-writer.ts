/** The writer of `metrics.columns` and of `metrics.overview`, beside the journal of a run. */
import { closeSync, openSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { decodeFloat } from '../../json/special-floats.ts'
import { errorText } from '../../util/error-text.ts'
import { writeAllSync } from '../../util/fs.ts'
import { modesIn } from '../../util/modes.ts'
import { COLUMNS_FILE, columnsEnd, columnsHead } from './columns.ts'
import { writeOverview } from './overview-writer.ts'
import { OVERVIEW_FILE } from './overview.ts'
import type { MetricEvent } from '../../record/events.ts'
import type { ColumnSeries } from './columns.ts'
import type { Range } from './overview-writer.ts'

/** Values of one series that are held before they become a block. */
const BLOCK = 4096

/** Values of all series that are held: 6 MB. */
const HELD = 1 << 18

/** Values up to which a run has no such file: its journal is read as fast. */
export const LEAST_VALUES = 2000

interface OpenSeries {
  readonly number: number
  readonly range: Range
  rows: number
  values: Float64Array
  steps: Float64Array
  times: Float64Array
}

/**
 * Writes the values of a run as columns. Values are held until there are enough for a file. A failure ends the writing and
 * nothing else: the journal has every value.
 */
export class ColumnWriter {
  readonly #path: string
  readonly #overview: string
  readonly #series: ColumnSeries[] = []
  readonly #ranges: Range[] = []
  readonly #open = new Map<string, OpenSeries>()
  readonly #blocks: [number, number][] = []
  #file: number | undefined
  #held = 0
  #total = 0
  #failure: string | undefined

  /** @param folder Absolute path of the folder, which must not have the files. */
  constructor(folder: string) {
    this.#path = join(folder, COLUMNS_FILE)
    this.#overview = join(folder, OVERVIEW_FILE)
  }

  /** Add a value. @param time ISO 8601. */
  add({ name, value, step, process = 0, source = '' }: MetricEvent, time: string): void {
    if (this.#failure !== undefined) return
    // Names hold any character, numbers do not hold spaces.
    const key = `${process} ${source.length} ${source}${name}`
    let series = this.#open.get(key)
    if (series === undefined) {
      const range = { count: 0, lacksStep: false, least: Infinity, greatest: -Infinity }
      series = { number: this.#series.length, range, rows: 0, ...columnsOf(16) }
      this.#open.set(key, series)
      this.#ranges.push(range)
      this.#series.push({ name, ...(process !== 0 && { process }), ...(source !== '' && { source }) })
    }
    if (series.rows === series.values.length) grow(series)
    const at = series.rows++
    // JSON has no -0, and both files say the same.
    series.values[at] = decodeFloat(value) + 0
    series.steps[at] = step === undefined ? NaN : step + 0
    series.times[at] = Date.parse(time)
    const { range } = series
    range.count++
    if (step === undefined) range.lacksStep = true
    else {
      if (step < range.least) range.least = step + 0
      if (step > range.greatest) range.greatest = step + 0
    }
    this.#total++
    if (++this.#held >= HELD) this.#attempt(() => this.#writeHeld())
    else if (series.rows === BLOCK && this.#total > LEAST_VALUES) {
      const full = series
      this.#attempt(() => this.#writeBlock(full))
    }
  }

  /**
   * Write the rest, close the file, and write the overview; a run with few values gets none.
   *
   * @returns Sentences about failures.
   */
  finish(): readonly string[] {
    const failures: string[] = []
    if (this.#total > LEAST_VALUES && this.#failure === undefined)
      this.#attempt(() => {
        this.#writeHeld()
        this.#open.clear()
        const file = this.#descriptor()
        const list = { series: this.#series, blocks: this.#blocks }
        writeAllSync(file, columnsEnd(list))
        try {
          writeOverview(this.#overview, { ...list, file, ranges: this.#ranges })
        } catch (error) {
          failures.push(`the overview of the metrics could not be written: ${errorText(error)}`)
        }
        this.#close()
      })
    return this.#failure === undefined ? failures : [this.#failure, ...failures]
  }

  #attempt(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#failure = `the columns of the metrics could not be written: ${errorText(error)}`
      this.#open.clear()
      this.#discard()
    }
  }

  /** Remove what was written: half a file would be taken for damage. */
  #discard(): void {
    if (this.#file === undefined) return
    try {
      this.#close()
    } finally {
      rmSync(this.#path, { force: true })
    }
  }

  #writeHeld(): void {
    for (const series of this.#open.values()) this.#writeBlock(series)
  }

  #writeBlock(series: OpenSeries): void {
    const { rows } = series
    if (rows === 0) return
    const file = this.#descriptor()
    for (const column of [series.values, series.steps, series.times])
      writeAllSync(file, new Uint8Array(column.buffer, 0, rows * Float64Array.BYTES_PER_ELEMENT))
    this.#blocks.push([series.number, rows])
    this.#held -= rows
    series.rows = 0
  }

  #descriptor(): number {
    if (this.#file === undefined) {
      this.#file = openSync(this.#path, 'wx+', modesIn(dirname(this.#path)).file)
      writeAllSync(this.#file, columnsHead())
    }
    return this.#file
  }

  #close(): void {
    if (this.#file === undefined) return
    const file = this.#file
    this.#file = undefined
    closeSync(file)
  }
}

function columnsOf(length: number): Pick<OpenSeries, 'values' | 'steps' | 'times'> {
  return {
    values: new Float64Array(length),
    steps: new Float64Array(length),
    times: new Float64Array(length),
  }
}

function grow(series: OpenSeries): void {
  const { values, steps, times } = series
  const larger = columnsOf(values.length * 2)
  larger.values.set(values)
  larger.steps.set(steps)
  larger.times.set(times)
  Object.assign(series, larger)
}
