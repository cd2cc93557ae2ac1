/** Statistics of the values of a column. Section "Statistics of columns" of `docs/format.md` defines every figure. */
import type { NativeColumnStatistics } from '../native/load.ts'

/**
 * A number of a column: text where a number of JavaScript would not hold it exactly, and for decimals, dates and
 * timestamps.
 */
export type ColumnNumber = number | string

/** Counts of the numbers of a column by bins of one width, side by side. */
export interface ColumnHistogram {
  /** The lower edge of the first bin. */
  readonly from: ColumnNumber
  /** The width of each bin: a power of two. */
  readonly width: ColumnNumber
  /** The number of values in each bin, at most 32 of them. */
  readonly counts: readonly number[]
}

/** The statistics of a column. They are no part of a digest. */
export interface ColumnStatistics {
  /** Rows without a value. */
  readonly nulls: number
  /** The smallest number, date or time; of floats the smallest finite one. Absent without one. */
  readonly minimum?: ColumnNumber
  /** The largest number, date or time; of floats the largest finite one. Absent without one. */
  readonly maximum?: ColumnNumber
  /** The mean of the integers or finite floats, rounded once to the nearest double. */
  readonly mean?: number
  /** Of the integers or finite floats. Absent without one, and if an edge would be larger than any float. */
  readonly histogram?: ColumnHistogram
  /** Floats that are NaN; absent if there are none, as the next two. */
  readonly nan?: number
  readonly infinity?: number
  readonly negativeInfinity?: number
  /** Booleans that are true. */
  readonly trues?: number
  /** The smallest length: bytes of texts and byte strings, elements of lists. */
  readonly shortest?: number
  /** The largest length. */
  readonly longest?: number
}

/** Convert the statistics of a column of this type. */
export function toStatistics(native: NativeColumnStatistics, type: string): ColumnStatistics {
  const { nulls, minimum, maximum, mean, from, width, counts } = native
  const shown = (number: string): ColumnNumber => columnNumber(number, type)
  return {
    nulls,
    ...(minimum !== undefined && { minimum: shown(minimum) }),
    ...(maximum !== undefined && { maximum: shown(maximum) }),
    ...(mean !== undefined && { mean }),
    ...(from !== undefined &&
      width !== undefined &&
      counts !== undefined && { histogram: { from: shown(from), width: shown(width), counts } }),
    ...(isSome(native.nan) && { nan: native.nan }),
    ...(isSome(native.infinity) && { infinity: native.infinity }),
    ...(isSome(native.negativeInfinity) && { negativeInfinity: native.negativeInfinity }),
    ...(native.trues !== undefined && { trues: native.trues }),
    ...(native.shortest !== undefined && { shortest: native.shortest }),
    ...(native.longest !== undefined && { longest: native.longest }),
  }
}

function isSome(count: number | undefined): count is number {
  return count !== undefined && count > 0
}

/** Return a number that is written as decimal text, in the unit of its type. */
function columnNumber(text: string, type: string): ColumnNumber {
  if (type.startsWith('float')) return Number(text)
  if (type.startsWith('decimal')) return text
  const since = BigInt(text)
  return instant(since, type) ?? (isExact(since) ? Number(since) : text)
}

function isExact(integer: bigint): boolean {
  return integer >= BigInt(Number.MIN_SAFE_INTEGER) && integer <= BigInt(Number.MAX_SAFE_INTEGER)
}

/** Units of timestamps: how many a second has, and the digits of their fraction. */
const UNITS = { s: [1n, 0], ms: [1_000n, 3], us: [1_000_000n, 6], ns: [1_000_000_000n, 9] } as const

/** Return a date or a timestamp as ISO 8601 writes it; nothing for other types and beyond the years 0 to 9999. */
function instant(since: bigint, type: string): string | undefined {
  if (type === 'date32') return isoTime(since * 86_400n)?.slice(0, 10)
  const timestamp = /^timestamp\((s|ms|us|ns)(,.*)?\)$/s.exec(type === 'date64' ? 'timestamp(ms)' : type)
  if (!timestamp) return undefined
  const [perSecond, digits] = UNITS[timestamp[1] as keyof typeof UNITS]
  const fraction = ((since % perSecond) + perSecond) % perSecond
  const time = isoTime((since - fraction) / perSecond)
  const behind = fraction === 0n ? '' : `.${String(fraction).padStart(digits, '0')}`
  // With a zone it is an instant, counted in UTC.
  return time && `${time}${behind}${timestamp[2] === undefined ? '' : 'Z'}`
}

/** Return seconds since 1970 as date and time. */
function isoTime(seconds: bigint): string | undefined {
  if (seconds < -62_167_219_200n || seconds > 253_402_300_799n) return undefined
  return new Date(Number(seconds) * 1000).toISOString().slice(0, 19)
}
