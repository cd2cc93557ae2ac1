/** Names of table files. */

const TABLE_FILES = /\.(?:parquet|arrows?|feather|ipc|csv)$/i

const SEQUENCE_FILES = /\.(?:jsonl|ndjson)$/i

const TABLE_FILES_OF_A_SCHEMA = /\.(?:csv|jsonl|ndjson)$/i

/** Check whether a path has the extension of a table. JSON lines are a table only under a schema. */
export function isTableFile(path: string): boolean {
  return TABLE_FILES.test(path)
}

/** Check whether a path has the extension of a table whose column types a schema declares. */
export function takesSchema(path: string): boolean {
  return TABLE_FILES_OF_A_SCHEMA.test(path)
}

/** Check whether a path has the extension of JSON lines, which are a sequence of records without a schema. */
export function isSequenceFile(path: string): boolean {
  return SEQUENCE_FILES.test(path)
}
