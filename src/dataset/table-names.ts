/** Names of files of tables and records. */

/**
 * Formats of files of records: `jsonl` is lines, `tfrecord` the records of TensorFlow, `webdataset` the samples of tar
 * archives.
 */
export const SEQUENCE_FORMATS = ['jsonl', 'tfrecord', 'webdataset'] as const

/** One of {@link SEQUENCE_FORMATS}. */
export type SequenceFormat = (typeof SEQUENCE_FORMATS)[number]

const TABLE_FILES = /\.(?:parquet|arrows?|feather|ipc|(?:csv|tsv)(?:\.gz|\.zst)?)$/i

const TABLE_FILES_OF_A_SCHEMA = /\.(?:csv|tsv|jsonl|ndjson)(?:\.gz|\.zst)?$/i

const SEQUENCE_FILES: readonly (readonly [format: SequenceFormat, pattern: RegExp])[] = [
  ['jsonl', /\.(?:jsonl|ndjson)(?:\.gz|\.zst)?$/i],
  // TensorFlow Datasets put the number of the shard behind the extension.
  ['tfrecord', /\.tfrecords?(?:-[0-9]{5}-of-[0-9]{5})?(?:\.gz|\.zst)?$/i],
  ['webdataset', /\.(?:tar|tar\.gz|tgz|tar\.zst|tzst)$/i],
]

/** Check whether a path has the extension of a table. JSON lines are a table only under a schema. */
export function isTableFile(path: string): boolean {
  return TABLE_FILES.test(path)
}

/** Check whether a path has the extension of a table whose column types a schema declares. */
export function takesSchema(path: string): boolean {
  return TABLE_FILES_OF_A_SCHEMA.test(path)
}

/** Check whether a path has the extension of a file of records, which are a sequence without a schema. */
export function isSequenceFile(path: string): boolean {
  return sequenceFormatOf(path) !== undefined
}

/** Return the format of a file of records by its extension. */
export function sequenceFormatOf(path: string): SequenceFormat | undefined {
  return SEQUENCE_FILES.find(([, pattern]) => pattern.test(path))?.[0]
}
