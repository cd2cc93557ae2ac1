/** The writer of `metrics.overview`, from the blocks of `metrics.columns`. */
import { closeSync, openSync, readSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { LineaprintError } from '../../core/errors.ts'
import { writeAllSync } from '../../util/fs.ts'
import { modesIn } from '../../util/modes.ts'
import { HEAD, ROW } from './columns.ts'
import { COLUMNS, WHOLE, overviewEnd, overviewHead } from './overview.ts'
import { ColumnPicture, inOrder } from './picture.ts'
import type { ColumnList, ColumnSeries } from './columns.ts'
import type { OverviewSeries } from './overview.ts'
import type { Points } from './picture.ts'

/** Blocks up to which they are read one by one. A run with more has very many series. */
const MOST_BLOCKS = 1 << 17

/** The number and the positions of the values of a series. */
export interface Range {
  count: number
  /** True if a value has no step. */
  lacksStep: boolean
  least: number
  greatest: number
}

/** The columns of which an overview is made. */
interface Written extends ColumnList {
  /** The file of the columns, open for reading. */
  readonly file: number
  /** Of each series. */
  readonly ranges: readonly Range[]
}

/**
 * Write the overview of columns, unless it would have more than half of their points.
 *
 * @param path Absolute path of the file, which must not exist.
 * @throws The errors of the system; then there is no file.
 */
export function writeOverview(path: string, written: Written): void {
  const { ranges, blocks } = written
  const total = ranges.reduce((sum, { count }) => sum + count, 0)
  const most = ranges.reduce((sum, { count }) => sum + Math.min(count, WHOLE * COLUMNS), 0)
  if (most * 2 > total || blocks.length > MOST_BLOCKS) return
  const file = openSync(path, 'wx', modesIn(dirname(path)).file)
  let isWhole = false
  try {
    writeAllSync(file, overviewHead())
    writeAllSync(file, overviewEnd(writePoints(file, written)))
    isWhole = true
  } finally {
    closeSync(file)
    // Half a file would be taken for damage.
    if (!isWhole) rmSync(path, { force: true })
  }
}

function writePoints(file: number, written: Written): OverviewSeries[] {
  const blocks = blocksOf(written)
  const largest = written.blocks.reduce((most, [, rows]) => Math.max(most, rows), 0)
  const buffer = new Float64Array(largest * 2)
  return written.series.map((series, number) => {
    const range = written.ranges[number]
    if (range === undefined) throw new LineaprintError('ERR_LINEAPRINT_INTERNAL', 'a series has no range')
    const { described, points } = pictureOf(series, range, (take) => {
      for (const [position, rows] of blocks[number] ?? []) {
        const block = buffer.subarray(0, rows * 2)
        readAll(written.file, new Uint8Array(block.buffer, 0, block.byteLength), position)
        take(block.subarray(0, rows), block.subarray(rows))
      }
    })
    writeAllSync(file, bytesOf(points.x))
    writeAllSync(file, bytesOf(points.y))
    return described
  })
}

/** Return for each series the positions of its blocks in the file, and their rows. */
function blocksOf({ series, blocks }: ColumnList): [position: number, rows: number][][] {
  const bySeries: [number, number][][] = series.map(() => [])
  let position = HEAD
  for (const [number, rows] of blocks) {
    bySeries[number]?.push([position, rows])
    position += rows * ROW
  }
  return bySeries
}

/** Calls a function with the values and the steps of each block of a series. */
type EachBlock = (take: (values: Float64Array, steps: Float64Array) => void) => void

function pictureOf(
  series: ColumnSeries,
  { count, lacksStep, least, greatest }: Range,
  each: EachBlock,
): { described: OverviewSeries; points: Points } {
  const [from, to] = lacksStep ? [0, count - 1] : [least, greatest]
  if (!Number.isFinite(from) || !Number.isFinite(to))
    throw new LineaprintError('ERR_LINEAPRINT_INTERNAL', 'a step is infinite')
  let at = 0
  const positions = (steps: Float64Array): Float64Array =>
    lacksStep ? steps.map((_, index) => at + index) : steps
  let drawn: { readonly points: Points; readonly notFinite: number }
  if (count > WHOLE * COLUMNS) {
    const picture = new ColumnPicture(from, to, COLUMNS)
    each((values, steps) => {
      picture.add(positions(steps), values)
      at += values.length
    })
    drawn = { points: picture.points(), notFinite: picture.notFinite }
  } else {
    const [x, y] = [new Float64Array(count), new Float64Array(count)]
    each((values, steps) => {
      x.set(positions(steps), at)
      y.set(values, at)
      at += values.length
    })
    drawn = { points: inOrder(x, y), notFinite: y.filter((value) => !Number.isFinite(value)).length }
  }
  const { points, notFinite } = drawn
  const axis = lacksStep ? 'index' : 'step'
  return { described: { ...series, axis, count, notFinite, from, to, points: points.x.length }, points }
}

function bytesOf({ buffer, byteOffset, byteLength }: Float64Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}

function readAll(file: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length;) {
    const read = readSync(file, bytes, done, bytes.length - done, position + done)
    if (read === 0) throw new LineaprintError('ERR_LINEAPRINT_CHANGED', 'the columns end while they are read')
    done += read
  }
}
