/** Writing and reading of `run.json`, and the seal that detects any change to it. */
import { Digest, primary } from '../core/digest.ts'
import { LineaprintError } from '../core/errors.ts'
import { parseStandardJson } from '../json/parse.ts'
import { ENGLISH } from '../util/schema.ts'
import { jsonDigest } from '../json/digest.ts'
import { runRecordSchema } from './record-schema.ts'
import { RUN_SCHEMA } from './record.ts'
import type { RunRecord } from './record.ts'

/** Limit of the size of `run.json` in bytes. The large parts of a run are separate files. */
export const RECORD_LIMIT: number = 256 * 1024 * 1024

/** Return the content of `run.json`. It has exactly one form, so that every changed byte is detected. */
export function formatRecord(record: RunRecord): string {
  return `${JSON.stringify(record, null, 2)}\n`
}

/** Return the record with its seal. */
export function sealRecord(record: RunRecord): RunRecord {
  return { ...record, seal: sealOf(record) }
}

/** Compute `run.v1.blake3:…` of the record without its own seal. */
function sealOf(record: RunRecord): string {
  const { seal: _, ...sealed } = record
  return primary(jsonDigest('run', sealed, 'blake3')).toString()
}

/** Check the seal of a record; a run that has not ended has none. */
export function checkSeal(record: RunRecord): 'holds' | 'broken' | 'none' {
  if (record.seal === null) return 'none'
  try {
    return Digest.parse(sealOf(record)).equals(Digest.parse(record.seal)) ? 'holds' : 'broken'
  } catch (error) {
    // A seal that is not a digest, or is of another type, is broken.
    if (LineaprintError.isFinding(error)) return 'broken'
    throw error
  }
}

/** Characters of a name in a message: a record is foreign, and its names are of any length. */
const FIELD_LIMIT = 200

/**
 * Parse the bytes of a `run.json`.
 *
 * @param options `quick: true` uses `JSON.parse`, which is faster and keeps the last of two equal keys. It is
 * for lists, on which nothing depends.
 * @throws ERR_LINEAPRINT_RECORD if it is damaged or of an unknown version.
 */
export function parseRecord(bytes: Uint8Array, path: string, options: { quick?: boolean } = {}): RunRecord {
  const value = parse(bytes, path, options.quick === true)
  const schema = typeof value === 'object' && value !== null && 'schema' in value ? value.schema : undefined
  if (schema !== RUN_SCHEMA) {
    throw new LineaprintError('ERR_LINEAPRINT_RECORD', 'not a run record, or one of an unsupported version', {
      path,
      field: 'schema',
      expected: RUN_SCHEMA,
      received: (JSON.stringify(schema) ?? 'nothing').slice(0, FIELD_LIMIT),
    })
  }
  const checked = runRecordSchema().safeParse(value, ENGLISH)
  const issue = checked.error?.issues[0]
  if (issue !== undefined) {
    const field = issue.path.map(String).join('.').slice(0, FIELD_LIMIT)
    throw new LineaprintError(
      'ERR_LINEAPRINT_RECORD',
      `the record is damaged at ${field}: ${issue.message}`,
      { path, field },
    )
  }
  // Return the value as it was read and not the output of the schema, because the seal covers the former.
  return value as RunRecord
}

function parse(bytes: Uint8Array, path: string, quick: boolean): unknown {
  try {
    return quick ? JSON.parse(Buffer.from(bytes).toString()) : parseStandardJson(bytes, path)
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause
    throw new LineaprintError('ERR_LINEAPRINT_RECORD', 'the record is damaged: it cannot be read as JSON', {
      path,
      hint: cause.message.startsWith(path) ? cause.message.slice(path.length + 2) : cause.message,
      cause,
    })
  }
}
