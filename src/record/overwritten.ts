/** Inputs that the run wrote over, such as the checkpoint from which it resumed. */
import { boolean, listOf, number, objectOf, oneOf, optional, text } from '../json/read-fields.ts'
import type { WrittenDigests } from '../core/digest.ts'
import type { FieldParser } from '../json/read-fields.ts'
import type { RunRecord, TrackedRecord } from './record.ts'

/** A file of an input of which the store keeps a copy. */
export type KeptFile = {
  /** Path below the input; empty for an input that is a file. */
  readonly path: string
  readonly size: number
  readonly isExecutable: boolean
  readonly digests: WrittenDigests
}

/** The copy of an input, or the reason why there is none. */
export type KeptCopy =
  | { readonly status: 'kept'; readonly files: readonly KeptFile[] }
  | { readonly status: 'failed'; readonly reason: string }

/** Return whether the run wrote over an input, which its record names by the digest of the start. */
export function isOverwritten({ flags = [] }: RunRecord, section: string, name: string): boolean {
  return flags.some(
    (flag) => flag.kind === 'input-overwritten' && flag.section === section && flag.name === name,
  )
}

/** Parse a copy; `undefined` if none was to be kept. */
export const parseKept: FieldParser<KeptCopy | undefined> = (value, field) => {
  if (value === undefined) return undefined
  const { status, reason = 'no reason is recorded' } = objectOf({
    status: oneOf(['kept', 'failed']),
    reason: optional(text),
  })(value, field)
  if (status === 'failed') return { status, reason }
  const digests = objectOf({ blake3: optional(text), sha256: optional(text) })
  const file = objectOf({ path: text, size: number, isExecutable: boolean, digests })
  return { status, ...objectOf({ files: listOf(file) })(value, field) }
}

/**
 * Return the copy of an input; `undefined` if none was to be kept.
 *
 * @throws ERR_LINEAPRINT_RECORD if the field is damaged.
 */
export function keptCopyOf(section: string, name: string, entry: TrackedRecord): KeptCopy | undefined {
  return entry.status === 'tracked' ? parseKept(entry['kept'], `${section}.${name}.kept`) : undefined
}
