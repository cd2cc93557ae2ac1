/**
 * The form of `metrics.columns`: the values of all metrics of a run as columns of doubles, little-endian.
 *
 * The file begins with 16 bytes: the magic, the version and zero. Blocks follow: of n values of one series, n values, n
 * steps and n times in milliseconds since 1970; a step that is NaN stands for none. The end is a list of series and
 * blocks as JSON, its length and the magic.
 */

/** Name of the file in the folder of a run. */
export const COLUMNS_FILE = 'metrics.columns'

/** The first and the last bytes. */
export const MAGIC: Buffer = Buffer.from('LPMETRIC', 'latin1')

/** The version of the form. */
export const VERSION = 1

/** Bytes before the first block. */
export const HEAD = 16

/** Bytes after the list: its length and the magic. */
export const TAIL = 16

/** Bytes of one value with its step and time. */
export const ROW = 24

/** A series of values that one process logged under one name. */
export interface ColumnSeries {
  readonly name: string
  readonly process?: number
  readonly source?: string
}

/** The list at the end of the file. */
export interface ColumnList {
  readonly series: readonly ColumnSeries[]
  /** For each block the number of its series and the number of its values. */
  readonly blocks: readonly (readonly [series: number, rows: number])[]
}

/** Return the first bytes of a file. */
export function columnsHead(): Buffer {
  const head = Buffer.alloc(HEAD)
  MAGIC.copy(head)
  head.writeUInt32LE(VERSION, 8)
  return head
}

/** Return the last bytes of a file: its list, the length of that, and the magic. */
export function columnsEnd(list: ColumnList): Buffer {
  const text = Buffer.from(JSON.stringify(list))
  const tail = Buffer.alloc(TAIL)
  tail.writeBigUInt64LE(BigInt(text.length), 0)
  MAGIC.copy(tail, 8)
  return Buffer.concat([text, tail])
}
