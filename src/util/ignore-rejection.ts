/**
 * Mark the rejection of a promise as handled, and return the promise.
 *
 * Node ends a process on a rejection that is not handled in time. Call this for work that is started before
 * it is awaited: whoever awaits it still gets its error.
 */
export function ignoreRejection<T>(work: Promise<T>): Promise<T> {
  work.catch(() => undefined)
  return work
}
