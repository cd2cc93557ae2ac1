/** Writing and reading `run.json`, and the seal that shows whether anything in it was changed. */
import { Digest, primary } from '../core/digest.ts'
import { LineaprintError } from '../core/errors.ts'
import { parseStandardJson } from '../json/parse.ts'
import { ENGLISH } from '../util/schema.ts'
import { jsonDigest } from '../json/digest.ts'
import { runRecordSchema } from './record-schema.ts'
import { RUN_SCHEMA } from './record.ts'
import type { RunRecord } from './record.ts'

/** A larger `run.json` is refused: the large parts of a run are files of their own. */
export const RECORD_LIMIT: number = 256 * 1024 * 1024

/** The bytes of `run.json`: one form, so that every changed byte can be seen. */
export function formatRecord(record: RunRecord): string {
  return `${JSON.stringify(record, null, 2)}\n`
}

/** The record with its seal. */
export function sealRecord(record: RunRecord): RunRecord {
  return { ...record, seal: sealOf(record) }
}

/** `run.v1.blake3:…` of the record without its own seal. */
function sealOf(record: RunRecord): string {
  const { seal: _, ...sealed } = record
  return primary(jsonDigest('run', sealed, 'blake3')).toString()
}

/** Whether the seal of a record holds; a run that has not ended has none. */
export function checkSeal(record: RunRecord): 'holds' | 'broken' | 'none' {
  if (record.seal === null) return 'none'
  try {
    return Digest.parse(sealOf(record)).equals(Digest.parse(record.seal)) ? 'holds' : 'broken'
  } catch (error) {
    // A seal that is no digest, or one of another type, does not hold.
    if (LineaprintError.is(error)) return 'broken'
    throw error
  }
}

/**
 * Reads the bytes of a `run.json`.
 *
 * @param options `quick: true` is for lists, on which nothing depends: `JSON.parse` is faster, and lets the last of two
 *   equal keys win.
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
      received: JSON.stringify(schema) ?? 'nothing',
    })
  }
  const checked = runRecordSchema().safeParse(value, ENGLISH)
  const issue = checked.error?.issues[0]
  if (issue !== undefined) {
    const field = issue.path.map(String).join('.')
    throw new LineaprintError(
      'ERR_LINEAPRINT_RECORD',
      `the record is damaged at ${field}: ${issue.message}`,
      { path, field },
    )
  }
  // The value as it was read and not what the schema made of it: the seal is over what stands there.
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
