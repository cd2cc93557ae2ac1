/** The sequence of records in one file or several, as the report of a dataset shows it. */
import { LineaprintError } from '../core/errors.ts'
import { hashRecords } from './sequence.ts'
import { sequenceFormatOf } from './table-names.ts'
import type { Digest, Digests } from '../core/digest.ts'
import type { HashOptions } from '../core/options.ts'
import type { SequenceFormat } from './table-names.ts'

/** The records of a file, or of all such files of a folder or split. */
export interface DatasetSequence {
  /**
   * Format of the files; `mds` for the shards of MosaicML, which a folder holds. In memory `records` if the records are bytes, and
   * `items` if they are other values.
   */
  readonly format: SequenceFormat | 'mds' | 'records' | 'items'
  /** Digest of kind `sequence`. */
  readonly digest: Digest
  readonly digests: Digests
  /** Number of lines, records or samples. */
  readonly records: number
  /** Number of files that hold the records; absent for a single file. */
  readonly files?: number
}

/** Hash the records of files, and return what a report shows of them. */
export async function describeSequence(
  source: string | readonly string[],
  options: HashOptions,
): Promise<{ readonly sequence: DatasetSequence; readonly warnings: readonly string[] }> {
  const paths = typeof source === 'string' ? [source] : source
  const format = sequenceFormatOf(paths[0] ?? '') ?? 'jsonl'
  const other = paths.find((path) => sequenceFormatOf(path) !== format)
  if (other !== undefined) {
    throw new LineaprintError(
      'ERR_LINEAPRINT_UNSUPPORTED',
      'the files of the sequence have several formats',
      {
        path: other,
        expected: format,
        received: sequenceFormatOf(other) ?? 'another format',
      },
    )
  }
  const { digest, digests, records, warnings } = await hashRecords(source, { ...options, format })
  const files = typeof source === 'string' ? {} : { files: source.length }
  return { sequence: { format, digest, digests, records, ...files }, warnings }
}
