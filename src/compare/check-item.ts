/** Items of a check: their types, their construction, and their meaning for an error. */
import { LineaprintError } from '../core/errors.ts'
import { reasonOf } from '../record/failure.ts'
import { isReadError } from '../util/fs.ts'
import type { Difference } from '../core/component.ts'

/**
 * Result of a check. `not-checked`: the item could not be compared, which is a failure only if every check is
 * required.
 */
export type VerifyStatus = 'same' | 'changed' | 'missing' | 'not-checked'

/** The result of checking one item, before a level decides whether it counts. */
export interface CheckedItem {
  /**
   * `record`, `files`, `command`, `code`, `environment`, `seeds`, `trackers`, `datasets`, `models`, `tokenizers` or
   * `outputs`.
   */
  readonly section: string
  readonly name: string
  readonly status: VerifyStatus
  /** A plain sentence if the status alone is not enough, else empty. */
  readonly detail: string
  /** Differences by field; for a model by tensor. */
  readonly differences: readonly Difference[]
}

/** Create an item. */
export function item(
  section: string,
  name: string,
  status: VerifyStatus,
  detail = '',
  differences: readonly Difference[] = [],
): CheckedItem {
  return { section, name, status, detail, differences }
}

/**
 * Create the item for content that could not be read: `missing` if it does not exist, else `changed`, because
 * it could be read when it was recorded.
 *
 * @throws The reason of the signal, if that stopped the work; the error itself, if it is a bug.
 */
export function unreadable(
  section: string,
  name: string,
  error: unknown,
  signal: AbortSignal | undefined,
): CheckedItem {
  signal?.throwIfAborted()
  if (!isReadError(error)) throw error
  const isMissing = LineaprintError.is(error) && error.code === 'ERR_LINEAPRINT_NOT_FOUND'
  return item(section, name, isMissing ? 'missing' : 'changed', reasonOf(error))
}
