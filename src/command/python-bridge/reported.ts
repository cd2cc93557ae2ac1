/**
 * Metrics that programs report to several libraries. What two of them were told is one series with two sources; what
 * differs is kept apart.
 *
 * A source is one instance of a library, such as one writer of TensorBoard. It joins a series when its first value is in
 * that series, at the same step. From then on its values are compared. At the first one that the series does not have,
 * the source leaves and has a series of its own, which begins with the values that it reported before.
 */
import { decodeFloat } from '../../json/special-floats.ts'
import { OWN_SOURCE } from '../../record/record.ts'
import type { RecordedNumber } from '../../json/special-floats.ts'

/** Largest number of steps of a series, and of values at one step, that are kept for comparison. */
const KEPT = 1024

/** Largest number of series that are compared with others; further ones are kept apart. */
const SERIES_LIMIT = 100_000

/** The receiver of a value: an instance of a library, by its number from 1. */
export interface Reporter {
  readonly library: string
  readonly instance: number
}

/** A value to be recorded. */
export interface ReportedValue {
  readonly value: number
  readonly step: number | undefined
}

/** The values to be recorded, and the source of their series; `undefined` for what a program logged itself. */
export interface Recorded {
  readonly source: string | undefined
  readonly values: readonly ReportedValue[]
  /** Number of earlier values that a new series of this source lacks, because they are not kept. */
  readonly missing?: number
}

/** A series that has the same values from several sources. */
export interface MergedSeries {
  readonly process: number
  readonly name: string
  readonly source: string | undefined
  readonly others: readonly string[]
}

/** A series with the source that made it. */
interface Series {
  readonly source: string | undefined
  /** Libraries of the sources that report it. */
  readonly libraries: Map<string, string>
  /** The last values by step. */
  readonly steps: Map<number | undefined, Window>
}

/** The last values at one step, in their order. */
interface Window {
  /** Number of values before them. */
  skipped: number
  readonly values: number[]
}

/** A source of the values of one name. */
interface Member {
  series: Series
  readonly isOwner: boolean
  /** Number of values that it reported at each step. */
  readonly counts: Map<number | undefined, number>
  /** The last values that it reported since it joined, unless it owns the series. */
  readonly joined: ReportedValue[]
  /** Number of values before them. */
  skipped: number
}

/** The metrics that the processes of one run report. */
export class ReportedMetrics {
  /** By process and name: the series, and the members by their source. */
  readonly #names = new Map<string, { readonly series: Series[]; readonly members: Map<string, Member> }>()
  #count = 0

  /**
   * Take a value.
   *
   * @param reporter `undefined` for a value that the program logged with lineaprint itself.
   * @returns What is to be recorded; nothing if a series has the value already.
   */
  take(
    process: number,
    name: string,
    reporter: Reporter | undefined,
    value: RecordedNumber,
    step?: number,
  ): Recorded {
    const entry: ReportedValue = { value: decodeFloat(value), step }
    const source = reporter === undefined ? undefined : sourceOf(reporter)
    const key = JSON.stringify([process, name])
    let named = this.#names.get(key)
    if (named === undefined) {
      if (this.#count >= SERIES_LIMIT) return { source, values: [entry] }
      this.#count++
      named = { series: [], members: new Map() }
      this.#names.set(key, named)
    }
    const { series, members } = named
    const library = reporter?.library ?? OWN_SOURCE
    const id = source ?? OWN_SOURCE
    const member = members.get(id) ?? joinOrStart(series, library, source, entry)
    members.set(id, member)
    if (member.isOwner) {
      add(member.series.steps, entry)
      return { source: member.series.source, values: [entry] }
    }
    if (confirm(member, entry)) return { source, values: [] }
    member.series.libraries.delete(library)
    const own = start(series, library, source)
    members.set(id, own)
    const values = [...member.joined, entry]
    for (const past of values) add(own.series.steps, past)
    return { source, values, missing: member.skipped }
  }

  /** Return the series that several sources reported to the end. */
  merged(): MergedSeries[] {
    return [...this.#names].flatMap(([key, { series }]) => {
      const [process, name] = JSON.parse(key) as [number, string]
      return series.flatMap(({ source, libraries }) => {
        const others = [...libraries.values()].filter((other) => other !== (source ?? OWN_SOURCE))
        return others.length === 0 ? [] : [{ process, name, source, others }]
      })
    })
  }
}

/** Return the name of a source: `tensorboard`, and `tensorboard 2` for the second of its instances. */
export function sourceOf({ library, instance }: Reporter): string {
  return instance === 1 ? library : `${library} ${instance}`
}

/** Join the series that has the first value of a source, or start one. */
function joinOrStart(
  series: Series[],
  library: string,
  source: string | undefined,
  { value, step }: ReportedValue,
): Member {
  // Two instances of one library report two things, even if they begin with the same value.
  const same = series.find(
    ({ libraries, steps }) => !libraries.has(library) && isEqual(valueAt(steps.get(step), 0), value),
  )
  if (same === undefined) return start(series, library, source)
  same.libraries.set(library, source ?? OWN_SOURCE)
  return { series: same, isOwner: false, counts: new Map(), joined: [], skipped: 0 }
}

function start(all: Series[], library: string, source: string | undefined): Member {
  const series: Series = {
    source,
    libraries: new Map([[library, source ?? OWN_SOURCE]]),
    steps: new Map(),
  }
  all.push(series)
  return { series, isOwner: true, counts: new Map(), joined: [], skipped: 0 }
}

/** Return whether a series has the next value of a source that has joined it. */
function confirm(member: Member, entry: ReportedValue): boolean {
  const { series, counts, joined } = member
  const { value, step } = entry
  const count = counts.get(step) ?? 0
  if (!isEqual(valueAt(series.steps.get(step), count), value)) return false
  counts.set(step, count + 1)
  trim(counts)
  joined.push(entry)
  if (joined.length > KEPT) {
    joined.shift()
    member.skipped++
  }
  return true
}

function valueAt(window: Window | undefined, index: number): number | undefined {
  return window?.values[index - window.skipped]
}

function add(steps: Series['steps'], { value, step }: ReportedValue): void {
  const window = steps.get(step) ?? { skipped: 0, values: [] }
  steps.set(step, window)
  window.values.push(value)
  if (window.values.length > KEPT) {
    window.values.shift()
    window.skipped++
  }
  trim(steps)
}

/** Forget the step that was added first. */
function trim(steps: Map<number | undefined, unknown>): void {
  if (steps.size <= KEPT) return
  for (const oldest of steps.keys()) {
    steps.delete(oldest)
    return
  }
}

function isEqual(a: number | undefined, b: number): boolean {
  return a !== undefined && Object.is(a, b)
}
