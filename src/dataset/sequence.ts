/** Digests of sequences: the same records in the same order, in any number of files. */
import { runJob } from '../native/job.ts'
import { primary, toDigests } from '../core/digest.ts'
import { LineaprintError } from '../core/errors.ts'
import { native } from '../native/load.ts'
import { checkAlgorithm, checkChoice, checkKeys, checkPath, checkPaths } from '../core/options.ts'
import { lineEndWarnings } from './line-ends.ts'
import { SEQUENCE_FORMATS, sequenceFormatOf } from './table-names.ts'
import type { AlgorithmChoice, Digest, Digests } from '../core/digest.ts'
import type { HashOptions } from '../core/options.ts'
import type { SequenceFormat } from './table-names.ts'

/** Options of {@link hashRecords}. */
export interface SequenceOptions<A extends AlgorithmChoice = AlgorithmChoice> extends HashOptions<A> {
  /** The format of all files. @default found from the name of the first, else `jsonl` */
  readonly format?: SequenceFormat | undefined
}

/** A hashed sequence. */
export interface SequenceHash<A extends AlgorithmChoice = AlgorithmChoice> {
  /** Digest of kind `sequence`; BLAKE3 if both were requested. */
  readonly digest: Digest
  readonly digests: Digests<A>
  /** Bytes of the files. */
  readonly bytes: number
  /** Number of records. */
  readonly records: number
  /** Facts to know of the files, such as lines that end in two ways. */
  readonly warnings: readonly string[]
}

/**
 * Hash the lines of files as records, one file after the other. A record is the bytes of a line without its line
 * feed and one carriage return before it. The division into files does not count, nor does a line feed at the end.
 *
 * Cost: one read. Memory holds two windows of 32 MiB. All files are open at once.
 *
 * @param source A path, or several paths in the order of their records.
 * @throws ERR_LINEAPRINT_FORMAT for a line of more than 64 MiB, and the errors of `hashFile`.
 */
export async function hashLines<A extends AlgorithmChoice = 'blake3'>(
  source: string | readonly string[],
  options: HashOptions<A> = {},
): Promise<SequenceHash<A>> {
  checkKeys(options)
  return hashRecords(source, { ...options, format: 'jsonl' })
}

/**
 * Hash the records of files, one file after the other: lines, the payloads of TFRecord, or the samples of tar archives.
 * A file whose name ends in `.gz` or `.zst` is decompressed, and equals the plain one.
 *
 * Cost: one read. Memory holds two windows of 32 MiB; for samples, what is known of each member of one archive.
 *
 * @param source A path, or several paths of one format in the order of their records.
 * @throws ERR_LINEAPRINT_FORMAT for a record whose checksum is another one, which is cut off or too long; for archives
 * the errors of `hashArchive`; and the errors of `hashFile`.
 */
export async function hashRecords<A extends AlgorithmChoice = 'blake3'>(
  source: string | readonly string[],
  options: SequenceOptions<A> = {},
): Promise<SequenceHash<A>> {
  checkKeys(options, ['format'])
  const algorithm = checkAlgorithm(options.algorithm)
  const paths = typeof source === 'string' ? [checkPath(source)] : checkPaths(source)
  if (paths.length === 0) {
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'a sequence needs a file', {
      field: 'source',
      expected: 'at least one path',
      received: 'none',
    })
  }
  const format = checkChoice(
    'format',
    options.format ?? sequenceFormatOf(paths[0] ?? '') ?? 'jsonl',
    SEQUENCE_FORMATS,
  )
  const { size, records, ...hashed } = await runJob(options, (job, threads) =>
    native.hashRecords(job, paths, format, algorithm, threads),
  )
  const digests = toDigests(hashed.digests, 'sequence') as Digests<A>
  const warnings = lineEndWarnings(hashed.mixedLineEnds, paths)
  return { digest: primary(digests), digests, bytes: size, records, warnings }
}
