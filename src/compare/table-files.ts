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
  { tolerance, signal }: Tolerance,
): Promise<FileVerdict> {
  try {
    const [old, now] = [await hashTable(before, { signal }), await hashTable(after, { signal })]
    if (old.digest.equals(now.digest))
      return { verdict: 'same-table', detail: 'the bytes differ, the table is the same', differences: [] }
    const found = tableDifference(asRecorded(old), now)
    if (tolerance === undefined || !isAlike(old, now)) return { verdict: 'different', ...found }
    return await judge([before, old], [after, now], tolerance, signal)
  } catch (error) {
    if (!LineaprintError.is(error)) throw error
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
  [before, old]: Read,
  [after, now]: Read,
  tolerance: number,
  signal: AbortSignal | undefined,
): Promise<FileVerdict> {
  const changed = old.columns.flatMap(({ digest }, index) =>
    String(digest) === String(now.columns[index]?.digest) ? [] : [index],
  )
  const distances = await tableDistances(before, after, changed, { signal })
  const largest = Math.max(0, ...distances.flatMap((distance) => distance ?? []))
  const beyond = new Set(changed.filter((_, place) => !((distances[place] ?? Infinity) <= tolerance)))
  if (beyond.size === 0) {
    const detail = `no value differs by more than ${largest}`
    const { differences } = tableDifference(asRecorded(old), now)
    return { verdict: 'within-tolerance', detail, differences, maxDifference: largest }
  }
  // Columns within the tolerance do not count as different.
  const columns = old.columns.map((column, index) =>
    beyond.has(index) ? column : (now.columns[index] ?? column),
  )
  const found = tableDifference(asRecorded({ ...old, columns }), now)
  return { verdict: 'different', ...found, maxDifference: largest }
}

/**
 * Compare two tracked tables by their recorded digests, for when the file of the first no longer exists.
 *
 * @param gone The reason why that file cannot be compared.
 * @returns `undefined` if one of them has no recorded table.
 */
export function compareRecordedTables(
  was: Pick<TrackedFile, 'table'>,
  is: Pick<TrackedFile, 'table'>,
  gone: string,
): FileVerdict | undefined {
  const [before, after] = [was.table, is.table]
  if (before === undefined || after === undefined) return undefined
  if (before.digest === after.digest) {
    const detail = `the bytes differ, the table is the same by its recorded digest; ${gone}`
    return { verdict: 'same-table', detail, differences: [] }
  }
  const { detail, differences } = tableDifference(before, after)
  return { verdict: 'different', detail: `${detail}; ${gone}`, differences }
}

function asRecorded({ digest, rows, columns }: TableHash): RecordedTable {
  return {
    digest: digest.toString(),
    rows,
    columns: columns.map(({ name, type, digest: own }) => ({ name, type, digest: String(own) })),
  }
}
