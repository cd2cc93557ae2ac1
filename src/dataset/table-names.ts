/** Names of table files. */

const TABLE_FILES = /\.(?:parquet|arrows?|feather|ipc|csv)$/i

const TABLE_FILES_OF_A_SCHEMA = /\.(?:csv|jsonl|ndjson)$/i

/** Check whether a path has the extension of a table. JSON lines are a table only under a schema. */
export function isTableFile(path: string): boolean {
  return TABLE_FILES.test(path)
}

/** Check whether a path has the extension of a table whose column types a schema declares. */
export function takesSchema(path: string): boolean {
  return TABLE_FILES_OF_A_SCHEMA.test(path)
}
