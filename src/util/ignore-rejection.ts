/**
 * Mark the rejection of a promise as handled, and return the promise.
 *
 * Node ends a process on a rejection that nobody handles in time. Call this on work that is started now and awaited
 * later: whoever awaits it still gets its error.
 */
export function ignoreRejection<T>(work: Promise<T>): Promise<T> {
  work.catch(() => undefined)
  return work
}
