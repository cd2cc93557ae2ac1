/** The reader of `metrics.overview`, which may be damaged or untrusted. */
import { join } from 'node:path'
import { primary } from '../../core/digest.ts'
import { LineaprintError } from '../../core/errors.ts'
import { hashBytes } from '../../hash/bytes.ts'
import { seriesKey } from '../../record/series-keys.ts'
import { errorText } from '../../util/error-text.ts'
import { compareNatural } from '../../util/natural-order.ts'
import { readRegular } from '../../util/own-file.ts'
import { isSeries } from './column-reader.ts'
import { END, KEPT, MAGIC, OVERVIEW_FILE, POINT, VERSION, WHOLE } from './overview.ts'
import type { StoredRun } from '../read.ts'
import type { OverviewSeries } from './overview.ts'
import type { Points } from './picture.ts'

/** Bytes of the longest file: of a thousand long series, and more. */
const LIMIT = 256 << 20

/** The picture of one series. */
export interface SeriesPicture extends Points, Omit<OverviewSeries, 'points'> {
  /** False if the points are all its values. */
  readonly isReduced: boolean
}

/** The pictures of the series of a run. */
export interface Overview {
  /** Columns of each picture, a power of two. */
  readonly columns: number
  readonly series: readonly SeriesPicture[]
}

/**
 * Read the sealed overview of the metrics of a run. Its series have the names and the order of `readMetrics`.
 *
 * @returns `undefined` if the run has none, or continues another run, whose values it lacks.
 * @throws ERR_LINEAPRINT_FORMAT if the file is not of this form, or not the one that the seal covers.
 */
export async function readOverview(
  { record, folder }: Pick<StoredRun, 'record' | 'folder'>,
  signal?: AbortSignal,
): Promise<Overview | undefined> {
  const file = record.files.find((entry) => entry.path === OVERVIEW_FILE)
  if (record.seal === null || record.continues !== undefined) return undefined
  if (file === undefined || 'link' in file) return undefined
  const path = join(folder, OVERVIEW_FILE)
  const bytes = await readRegular(path, LIMIT).catch((cause: unknown) => {
    throw damaged(path, errorText(cause), cause)
  })
  const { digests, size } = await hashBytes(bytes, { signal })
  if (size !== file.size || primary(digests).toString() !== file.blake3)
    throw damaged(path, 'it is not the file that the seal covers')
  const { columns, series } = parseOverview(bytes, path)
  const keyOf = seriesKey(record)
  const named = new Map(
    series.map((each) => {
      const name = keyOf({ type: 'metric', ...each })
      return [name, { ...each, name }] as const
    }),
  )
  return { columns, series: [...named.values()].toSorted((a, b) => compareNatural(a.name, b.name)) }
}

/**
 * Read the bytes of a file.
 *
 * @throws ERR_LINEAPRINT_FORMAT if they are not of this form.
 */
export function parseOverview(bytes: Buffer, path: string): Overview {
  const size = bytes.length
  if (size < 2 * END) throw damaged(path, 'it is too short')
  const tail = bytes.subarray(size - END)
  if (!bytes.subarray(0, 8).equals(MAGIC) || !tail.subarray(8).equals(MAGIC))
    throw damaged(path, 'its ends are not those of such a file')
  if (bytes.readUInt32LE(8) !== VERSION) throw damaged(path, `its version is ${bytes.readUInt32LE(8)}`)
  const columns = bytes.readUInt32LE(12)
  if (columns === 0 || columns > 1 << 16 || (columns & (columns - 1)) !== 0)
    throw damaged(path, `its pictures have ${columns} columns`)
  const length = Number(tail.readBigUInt64LE(0))
  if (length > size - 2 * END) throw damaged(path, 'its list does not fit into it')
  const list = parseList(bytes.toString('utf8', size - END - length, size - END), columns, path)
  const all = list.reduce((sum, { points }) => sum + points, 0)
  // So no number of the list can ask for more than the file has.
  if (all * POINT !== size - 2 * END - length) throw damaged(path, 'its points do not fill it')
  let at = END
  const next = (count: number): Float64Array => {
    const start = bytes.byteOffset + at
    at += count * 8
    if (start % 8 === 0) return new Float64Array(bytes.buffer, start, count)
    return new Float64Array(bytes.buffer.slice(start, start + count * 8))
  }
  const series = list.map(({ points, ...described }) => {
    const [x, y] = [next(points), next(points)]
    if (!isAscending(x, described)) throw damaged(path, 'its points are not in order')
    return { ...described, isReduced: described.count > columns * WHOLE, x, y }
  })
  return { columns, series }
}

function parseList(text: string, columns: number, path: string): readonly OverviewSeries[] {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw damaged(path, 'its list is not JSON', cause)
  }
  const { series } = (typeof value === 'object' && value !== null ? value : {}) as { series?: unknown }
  const isPicture = (each: unknown): each is OverviewSeries => {
    if (!isSeries(each)) return false
    const { axis, count, notFinite, from, to, points } = each as unknown as Record<string, unknown>
    if (axis !== 'step' && axis !== 'index') return false
    if (!isCount(count) || !isCount(notFinite) || !isCount(points)) return false
    if (!Number.isFinite(from) || !Number.isFinite(to) || Number(from) > Number(to)) return false
    if (count === 0 || notFinite > count) return false
    return count > columns * WHOLE ? points > 0 && points <= columns * KEPT : points === count
  }
  if (!Array.isArray(series) || !series.every(isPicture)) throw damaged(path, 'its list has no series')
  return series
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

function isAscending(x: Float64Array, { from, to }: Pick<OverviewSeries, 'from' | 'to'>): boolean {
  let before = from
  // An iterator takes ten times as long.
  for (let index = 0; index < x.length; index++) {
    const position = x[index] ?? NaN
    if (!(position >= before)) return false
    before = position
  }
  return before <= to
}

function damaged(path: string, reason: string, cause?: unknown): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_FORMAT', `${OVERVIEW_FILE} is damaged: ${reason}`, {
    path,
    cause,
  })
}
