/** The sequence of records in one file or several, as the report of a dataset shows it. */
import { hashLines } from './sequence.ts'
import type { Digest, Digests } from '../core/digest.ts'
import type { HashOptions } from '../core/options.ts'

/** The records of a file of JSON lines, or of all such files of a folder or split. */
export interface DatasetSequence {
  /** Digest of kind `sequence`. */
  readonly digest: Digest
  readonly digests: Digests
  readonly records: number
  /** Number of files that hold the records; absent for a single file. */
  readonly files?: number
}

/** Hash the records of files, and return what a report shows of them. */
export async function describeSequence(
  source: string | readonly string[],
  options: HashOptions,
): Promise<DatasetSequence> {
  const { digest, digests, records } = await hashLines(source, options)
  return { digest, digests, records, ...(typeof source !== 'string' && { files: source.length }) }
}
