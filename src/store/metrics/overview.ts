/**
 * The form of `metrics.overview`: the metrics of a run as pictures over their steps, little-endian, so that a picture of
 * all steps needs no look at each value.
 *
 * The file begins with 16 bytes: the magic, the version and the number of columns of the pictures. Of each series its
 * points follow: n positions and n values. The end is a list of series as JSON, its length and the magic.
 */
import type { ColumnSeries } from './columns.ts'

/** Name of the file in the folder of a run. */
export const OVERVIEW_FILE = 'metrics.overview'

/** The first and the last bytes. */
export const MAGIC: Buffer = Buffer.from('LPOVERVW', 'latin1')

/** The version of the form. */
export const VERSION = 1

/** Bytes before the first point, and bytes after the list. */
export const END = 16

/** Bytes of a point. */
export const POINT = 16

/** Columns of the pictures, a power of two: a picture with a smaller one follows from them exactly. */
export const COLUMNS = 1024

/** Values of each column of a picture up to which a series has all its values as points. */
export const WHOLE = 4

/** Most points of a column: the first, least, greatest and last finite value, and the last other one. */
export const KEPT = 5

/** A series in the list. */
export interface OverviewSeries extends ColumnSeries {
  /** `index` if a value has no step: then all are at their numbers. */
  readonly axis: 'step' | 'index'
  /** Number of its values. */
  readonly count: number
  /** Number of its values that are NaN or infinite. */
  readonly notFinite: number
  /** The least and the greatest position of its values. */
  readonly from: number
  readonly to: number
  readonly points: number
}

/** Return the first bytes of a file. */
export function overviewHead(): Buffer {
  const head = Buffer.alloc(END)
  MAGIC.copy(head)
  head.writeUInt32LE(VERSION, 8)
  head.writeUInt32LE(COLUMNS, 12)
  return head
}

/** Return the last bytes of a file: its list, the length of that, and the magic. */
export function overviewEnd(series: readonly OverviewSeries[]): Buffer {
  const text = Buffer.from(JSON.stringify({ series }))
  const tail = Buffer.alloc(END)
  tail.writeBigUInt64LE(BigInt(text.length), 0)
  MAGIC.copy(tail, 8)
  return Buffer.concat([text, tail])
}
