/** What a check finds about one thing, the making of it, and what an error means. */
import { LineaprintError } from '../core/errors.ts'
import { reasonOf } from '../record/failure.ts'
import type { Difference } from '../core/component.ts'

/** What a check found. `not-checked`: nothing could be said, which is a failure only where every check is asked for. */
export type VerifyStatus = 'same' | 'changed' | 'missing' | 'not-checked'

/** What was found about one thing, before anybody said how much of it counts. */
export interface FoundItem {
  /**
   * `record`, `files`, `command`, `code`, `environment`, `seeds`, `trackers`, `datasets`, `models`, `tokenizers` or
   * `outputs`.
   */
  readonly section: string
  readonly name: string
  readonly status: VerifyStatus
  /** A plain sentence where the status alone does not say it, else empty. */
  readonly detail: string
  /** Field by field; of a model tensor by tensor. */
  readonly differences: readonly Difference[]
}

/** Makes an item. */
export function item(
  section: string,
  name: string,
  status: VerifyStatus,
  detail = '',
  differences: readonly Difference[] = [],
): FoundItem {
  return { section, name, status, detail, differences }
}

/**
 * The item for something that could not be read: `missing` if it is not there, else `changed`, because what was
 * recorded could be read then.
 *
 * @throws The reason of the signal, if that is what stopped the work.
 */
export function unreadable(
  section: string,
  name: string,
  error: unknown,
  signal: AbortSignal | undefined,
): FoundItem {
  signal?.throwIfAborted()
  const gone = LineaprintError.is(error) && error.code === 'ERR_LINEAPRINT_NOT_FOUND'
  return item(section, name, gone ? 'missing' : 'changed', reasonOf(error))
}
