/** The making of items, and what an error means for one. */
import { LineaprintError } from '../errors.ts'
import { reasonOf } from './failure.ts'
import type { Difference } from '../capture/component.ts'
import type { VerifyItem, VerifyStatus } from './verify.ts'

/** Makes an item. */
export function item(
  section: string,
  name: string,
  status: VerifyStatus,
  detail = '',
  differences: readonly Difference[] = [],
): VerifyItem {
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
): VerifyItem {
  signal?.throwIfAborted()
  const gone = LineaprintError.is(error) && error.code === 'ERR_LINEAPRINT_NOT_FOUND'
  return item(section, name, gone ? 'missing' : 'changed', reasonOf(error))
}
