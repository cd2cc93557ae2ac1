/** The reader of `metrics.columns`, which may be damaged or untrusted. */
import { LineaprintError } from '../../core/errors.ts'
import { openRegular } from '../../util/own-file.ts'
import { COLUMNS_FILE, HEAD, MAGIC, ROW, TAIL, VERSION } from './columns.ts'
import type { FileHandle } from 'node:fs/promises'
import type { ColumnList, ColumnSeries } from './columns.ts'

/** Bytes of the longest list: of ten million blocks. */
const LIST_LIMIT = 1 << 28

/** The values of one series. */
export interface SeriesColumns {
  readonly values: Float64Array
  /** NaN for a value without a step. */
  readonly steps: Float64Array
  /** Milliseconds since 1970. */
  readonly times: Float64Array
}

/**
 * Read the wanted series of a file.
 *
 * @param isWanted Selects series.
 * @throws ERR_LINEAPRINT_FORMAT if the file is not of this form.
 */
export async function readColumns(
  path: string,
  isWanted: (series: ColumnSeries) => boolean,
  signal?: AbortSignal,
): Promise<Map<ColumnSeries, SeriesColumns>> {
  await using file = await openRegular(path)
  const { size } = await file.stat()
  const { series, blocks } = await readList(file, size, path)
  const rows = new Map<number, number>()
  for (const [number, count] of blocks) rows.set(number, (rows.get(number) ?? 0) + count)
  const columns = new Map<number, SeriesColumns & { filled: number }>()
  series.forEach((described, number) => {
    if (isWanted(described)) columns.set(number, { ...emptyColumns(rows.get(number) ?? 0), filled: 0 })
  })
  let position = HEAD
  // One buffer for all blocks: new ones keep the collector busy.
  const largest = blocks.reduce(
    (most, [number, count]) => (columns.has(number) ? Math.max(most, count) : most),
    0,
  )
  const buffer = new Float64Array(largest * 3)
  for (const [number, count] of blocks) {
    const target = columns.get(number)
    const start = position
    position += count * ROW
    if (target === undefined) continue
    signal?.throwIfAborted()
    const block = buffer.subarray(0, count * 3)
    await readExactly(file, new Uint8Array(buffer.buffer, 0, block.byteLength), start, path)
    target.values.set(block.subarray(0, count), target.filled)
    target.steps.set(block.subarray(count, 2 * count), target.filled)
    target.times.set(block.subarray(2 * count), target.filled)
    target.filled += count
  }
  return new Map(
    [...columns].flatMap(([number, { values, steps, times }]) => {
      const described = series[number]
      return described === undefined ? [] : [[described, { values, steps, times }] as const]
    }),
  )
}

function emptyColumns(rows: number): SeriesColumns {
  return { values: new Float64Array(rows), steps: new Float64Array(rows), times: new Float64Array(rows) }
}

async function readList(file: FileHandle, size: number, path: string): Promise<ColumnList> {
  if (size < HEAD + TAIL) throw damaged(path, 'it is too short')
  const head = await readAt(file, 0, HEAD, path)
  const tail = await readAt(file, size - TAIL, TAIL, path)
  if (!head.subarray(0, 8).equals(MAGIC) || !tail.subarray(8).equals(MAGIC))
    throw damaged(path, 'its ends are not those of such a file')
  if (head.readUInt32LE(8) !== VERSION) throw damaged(path, `its version is ${head.readUInt32LE(8)}`)
  const length = Number(tail.readBigUInt64LE(0))
  if (length > Math.min(LIST_LIMIT, size - HEAD - TAIL)) throw damaged(path, 'its list does not fit into it')
  const list = parseList((await readAt(file, size - TAIL - length, length, path)).toString(), path)
  const rows = list.blocks.reduce((sum, [, count]) => sum + count, 0)
  // So no number of the list can ask for more memory than the file has bytes.
  if (rows * ROW !== size - HEAD - TAIL - length) throw damaged(path, 'its blocks do not fill it')
  return list
}

function parseList(text: string, path: string): ColumnList {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw damaged(path, 'its list is not JSON', cause)
  }
  const { series, blocks } = (typeof value === 'object' && value !== null ? value : {}) as Partial<
    Record<keyof ColumnList, unknown>
  >
  if (!Array.isArray(series) || !Array.isArray(blocks) || !series.every(isSeries))
    throw damaged(path, 'its list has no series and blocks')
  const isBlock = (block: unknown): block is [number, number] =>
    Array.isArray(block) &&
    block.length === 2 &&
    block.every(Number.isSafeInteger) &&
    Number(block[0]) >= 0 &&
    Number(block[0]) < series.length &&
    Number(block[1]) > 0
  if (!blocks.every(isBlock)) throw damaged(path, 'its list has a block that is none')
  return { series, blocks }
}

/** Return whether a value of a list describes a series. */
export function isSeries(value: unknown): value is ColumnSeries {
  if (typeof value !== 'object' || value === null) return false
  const { name, process, source } = value as Partial<Record<keyof ColumnSeries, unknown>>
  return (
    typeof name === 'string' &&
    (process === undefined || (Number.isSafeInteger(process) && Number(process) > 0)) &&
    (source === undefined || typeof source === 'string')
  )
}

async function readAt(file: FileHandle, position: number, length: number, path: string): Promise<Buffer> {
  const bytes = Buffer.alloc(length)
  await readExactly(file, bytes, position, path)
  return bytes
}

async function readExactly(
  file: FileHandle,
  bytes: Uint8Array,
  position: number,
  path: string,
): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesRead } = await file.read(bytes, done, bytes.length - done, position + done)
    if (bytesRead === 0) throw damaged(path, 'it ends while it is read')
    done += bytesRead
  }
}

function damaged(path: string, reason: string, cause?: unknown): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_FORMAT', `${COLUMNS_FILE} is damaged: ${reason}`, {
    path,
    cause,
  })
}
