/** Digests in a record. */
import { Digest } from '../core/digest.ts'
import { LineaprintError } from '../core/errors.ts'
import { damagedField } from '../json/read-fields.ts'

/**
 * Parse a digest of a record.
 *
 * @param field Its path in the record, for errors.
 * @throws ERR_LINEAPRINT_RECORD if it is not a digest: the record was damaged, the caller did nothing wrong.
 */
export function parseRecordedDigest(text: string, field: string): Digest {
  try {
    return Digest.parse(text)
  } catch (error) {
    if (!LineaprintError.is(error)) throw error
    throw damagedField(field, error.expected ?? 'a digest', text)
  }
}
