/** Comparison of two tables whose files differ. */
import { tableDistances } from '../dataset/table-distance.ts'
import { hashTable } from '../dataset/table.ts'
import { LineaprintError } from '../core/errors.ts'
import { tableDifference } from './tables.ts'
import type { TableHash } from '../dataset/table.ts'
import type { RecordedTable, TrackedFile } from '../record/tracked.ts'
import type { FileVerdict, Tolerance } from './file-verdict.ts'

/** Compare two table files whose bytes differ. */
export async function compareTables(
  before: string,
  after: string,
  { tolerance, signal, onProgress }: Tolerance,
): Promise<FileVerdict> {
  try {
    const [tableBefore, tableAfter] = [
      await hashTable(before, { signal, onProgress }),
      await hashTable(after, { signal, onProgress }),
    ]
    if (tableBefore.digest.equals(tableAfter.digest))
      return { verdict: 'same-table', detail: 'the bytes differ, the table is the same', differences: [] }
    const difference = tableDifference(asRecorded(tableBefore), tableAfter)
    if (tolerance === undefined || !isAlike(tableBefore, tableAfter))
      return { verdict: 'different', ...difference }
    return await judge([before, tableBefore], [after, tableAfter], tolerance, signal)
  } catch (error) {
    if (!LineaprintError.isFinding(error)) throw error
    const detail = `the bytes differ, and the tables cannot be compared: ${error.message}`
    return { verdict: 'different', detail, differences: [] }
  }
}

/** Check whether two tables have the same columns and the same number of rows. */
function isAlike(a: TableHash, b: TableHash): boolean {
  return (
    a.rows === b.rows &&
    a.columns.length === b.columns.length &&
    a.columns.every(({ name, type }, index) => {
      const other = b.columns[index]
      return other?.name === name && other.type === type
    })
  )
}

type Read = readonly [path: string, table: TableHash]

/** Compare the differing columns as numbers. */
async function judge(
  [before, tableBefore]: Read,
  [after, tableAfter]: Read,
  tolerance: number,
  signal: AbortSignal | undefined,
): Promise<FileVerdict> {
  const changed = tableBefore.columns.flatMap(({ digest }, index) =>
    String(digest) === String(tableAfter.columns[index]?.digest) ? [] : [index],
  )
  const distances = await tableDistances(before, after, changed, { signal })
  const largest = Math.max(0, ...distances.flatMap((distance) => distance ?? []))
  const beyond = new Set(changed.filter((_, index) => !((distances[index] ?? Infinity) <= tolerance)))
  if (beyond.size === 0) {
    const detail = `no value differs by more than ${largest}`
    const { differences } = tableDifference(asRecorded(tableBefore), tableAfter)
    return { verdict: 'within-tolerance', detail, differences, maxDifference: largest }
  }
  // Columns within the tolerance do not count as different.
  const columns = tableBefore.columns.map((column, index) =>
    beyond.has(index) ? column : (tableAfter.columns[index] ?? column),
  )
  const difference = tableDifference(asRecorded({ ...tableBefore, columns }), tableAfter)
  return { verdict: 'different', ...difference, maxDifference: largest }
}

/**
 * Compare two tracked tables by their recorded digests, for when the file of the first no longer exists.
 *
 * @param reason The reason why that file cannot be compared.
 * @returns `undefined` if one of them has no recorded table.
 */
export function compareRecordedTables(
  fileBefore: Pick<TrackedFile, 'table'>,
  fileAfter: Pick<TrackedFile, 'table'>,
  reason: string,
): FileVerdict | undefined {
  const [before, after] = [fileBefore.table, fileAfter.table]
  if (before === undefined || after === undefined) return undefined
  if (before.digest === after.digest) {
    const detail = `the bytes differ, the table is the same by its recorded digest; ${reason}`
    return { verdict: 'same-table', detail, differences: [] }
  }
  const { detail, differences } = tableDifference(before, after)
  return { verdict: 'different', detail: `${detail}; ${reason}`, differences }
}

/** Return a table in its recorded form. */
export function asRecorded({ digest, rows, columns }: TableHash): RecordedTable {
  return {
    digest: digest.toString(),
    rows,
    columns: columns.map(({ name, type, digest: columnDigest }) => ({
      name,
      type,
      digest: String(columnDigest),
    })),
  }
}
