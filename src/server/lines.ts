/** Lines of the series of one run, reduced to pictures, and their form in an answer. */
import { reduceLine, reducePicture } from './reduce.ts'
import { SeriesLine, risesOf } from './series-line.ts'
import type { Overview } from '../store/metrics/overview-reader.ts'
import type { MetricSeries } from '../store/metrics/series.ts'
import type { MetricsHead, SeriesHead } from './api/types.ts'
import type { Line } from './reduce.ts'
import type { Axis, Epochs } from './series-line.ts'

/** A picture that is asked for. */
export interface LineRequest {
  readonly axis: Axis
  /** Ends of the range; the whole axis by default. */
  readonly from?: number | undefined
  readonly to?: number | undefined
  readonly pixels: number
}

/** A line of an answer. */
export interface ReducedSeries extends Line {
  readonly head: SeriesHead
}

/** Columns of the overview of a line, a power of two: a picture with a smaller one has exactly its pixels. */
const OVERVIEW = 2048

/** The least positive number of full precision: a smaller width of a column is not a part of that of a pixel. */
const LEAST_WIDTH = 2 ** -1022

/** Pictures of the whole axis, by name. */
interface KeptOverview {
  /** Columns of each picture. */
  readonly columns: number
  readonly series: ReadonlyMap<string, ReducedSeries>
}

/** The lines of one run. They are built once, and grow with the run. */
export class RunLines {
  readonly #startedAt: number
  readonly #lines = new Map<string, SeriesLine>()
  /** Pictures of the whole axis, which stay when the values are forgotten, by axis. */
  readonly #overviews = new Map<Axis, KeptOverview>()
  /** Pictures of the whole axis as they were last asked for, by name. */
  readonly #pictures = new Map<string, ReducedSeries>()
  /** The axis and the pixels of the pictures. */
  #pictured = ''
  /** Counted as they come: a reader asks after each run that it reads. */
  #overviewBytes = 0

  /** @param startedAt Start of the run, in milliseconds since 1970. */
  constructor(startedAt: number) {
    this.#startedAt = startedAt
  }

  /** Return the line of a series. */
  of(series: MetricSeries, all: readonly MetricSeries[], axis: Axis): SeriesLine {
    const key = `${axis} ${series.name}`
    const line = this.#lines.get(key) ?? new SeriesLine(axis, this.#startedAt)
    this.#lines.set(key, line)
    line.update(series, axis === 'epoch' ? epochsOf(all) : undefined)
    return line
  }

  /** Return a series reduced to a picture. */
  reduce(series: MetricSeries, all: readonly MetricSeries[], request: LineRequest): ReducedSeries {
    const line = this.of(series, all, request.axis)
    const { from = -Infinity, to = Infinity, pixels } = request
    const { x, y, inRange, isReduced, notFinite } = reduceLine(line, from, to, pixels, line.pyramid)
    const head = {
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
    return { head, x, y }
  }

  /**
   * Return the picture of a series of a run that has ended: one of the whole axis is made once, until another axis or width is
   * asked for.
   */
  picture(name: string, { axis, from, to, pixels }: LineRequest, make: () => ReducedSeries): ReducedSeries {
    if (from !== undefined || to !== undefined) return make()
    const pictured = `${axis} ${pixels}`
    if (pictured !== this.#pictured) this.#forgetPictures()
    this.#pictured = pictured
    let picture = this.#pictures.get(name)
    if (picture === undefined) {
      picture = make()
      this.#pictures.set(name, picture)
      this.#overviewBytes += bytesOf(picture)
    }
    return picture
  }

  /** Forget the values. Overviews of the axes that were asked for stay. */
  forget(all: readonly MetricSeries[]): void {
    const axes = new Set([...this.#lines.keys()].map((key) => key.slice(0, key.indexOf(' ')) as Axis))
    for (const axis of axes) {
      const reduced = all.map((series) => this.reduce(series, all, { axis, pixels: OVERVIEW }))
      this.#keepOverview(axis, OVERVIEW, reduced)
    }
    this.#lines.clear()
  }

  /** Return whether there is an overview of an axis. */
  hasOverview(axis: Axis): boolean {
    return this.#overviews.has(axis)
  }

  /** Take in the overview over the steps that a run keeps in its folder. @param run Id of the run. */
  takeOverview(run: string, { columns, series }: Overview): void {
    const reduced = series.map(({ name, axis, count, notFinite, from, to, isReduced, x, y }) => ({
      head: { run, name, count, inRange: count, points: x.length, isReduced, axis, notFinite, from, to },
      x,
      y,
    }))
    this.#keepOverview('step', columns, reduced)
  }

  #keepOverview(axis: Axis, columns: number, reduced: readonly ReducedSeries[]): void {
    for (const series of this.#overviews.get(axis)?.series.values() ?? [])
      this.#overviewBytes -= bytesOf(series)
    this.#overviews.set(axis, { columns, series: new Map(reduced.map((each) => [each.head.name, each])) })
    for (const series of reduced) this.#overviewBytes += bytesOf(series)
  }

  /** Return all series as overviews have them; `undefined` if a picture needs the values. */
  fromOverviews(request: LineRequest): ReducedSeries[] | undefined {
    const { axis, from, to, pixels } = request
    const overview = this.#overviews.get(axis)
    const isWhole = from === undefined && to === undefined
    if (overview === undefined || !isWhole || overview.columns % pixels !== 0) return undefined
    const all = [...overview.series.values()]
    if (all.some(({ head }) => !isDivided(head, overview.columns))) return undefined
    return all.map((series) => {
      const { head, x, y } = series
      if (!head.isReduced && head.inRange <= pixels * 4) return series
      return this.picture(head.name, request, () => {
        const ends = { from: head.from ?? 0, to: head.to ?? 0 }
        const reduced = reducePicture({ x, y }, ends, pixels)
        return { head: { ...head, points: reduced.x.length, isReduced: true }, ...reduced }
      })
    })
  }

  /** Bytes of the lines, beside those of the series. */
  get lineBytes(): number {
    return [...this.#lines.values()].reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /** Bytes of the overviews and pictures. */
  get overviewBytes(): number {
    return this.#overviewBytes
  }

  /** Forget the overviews and pictures too. */
  forgetOverviews(): void {
    this.#overviews.clear()
    this.#pictures.clear()
    this.#overviewBytes = 0
  }

  #forgetPictures(): void {
    for (const picture of this.#pictures.values()) this.#overviewBytes -= bytesOf(picture)
    this.#pictures.clear()
  }
}

/** Return whether the columns of a picture are equal parts of the pixels of a smaller one. */
function isDivided({ from, to }: SeriesHead, columns: number): boolean {
  return from === null || to === null || from === to || (to - from) / columns >= LEAST_WIDTH
}

function bytesOf({ x, y }: Line): number {
  return x.byteLength + y.byteLength
}

/** Return the rises of the first metric that is named `epoch`, alone or after a slash. */
function epochsOf(all: readonly MetricSeries[]): Epochs | undefined {
  for (const series of all) {
    if (!/(?:^|\/)epoch$/.test(series.name)) continue
    const rises = risesOf(series)
    if (rises !== undefined) return rises
  }
  return undefined
}

/**
 * Return the answer to a request for lines: the length of a head in JSON as four bytes (little-endian), the head, spaces up to
 * a multiple of eight bytes, and for each series its positions and then its values as doubles (little-endian).
 */
export function encodeLines(
  all: readonly ReducedSeries[],
  warnings: readonly string[],
): Uint8Array<ArrayBuffer> {
  const columns = all.flatMap(({ x, y }) => [x, y])
  const head: MetricsHead = { series: all.map((series) => series.head), warnings }
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
