/** Trying again what failed for a reason that may pass, with growing pauses and an end. */
import { setTimeout as sleep } from 'node:timers/promises'

/** A failure that may pass: no connection, no answer in time, a server that says it is busy or broken. */
export class PassingFailure extends Error {
  /** How long the other side asks us to wait, in milliseconds. */
  readonly pause: number | undefined

  constructor(
    message: string,
    options: { readonly cause?: unknown; readonly pause?: number | undefined } = {},
  ) {
    super(message, { cause: options.cause })
    this.pause = options.pause
  }
}

/** When to stop. */
export interface RetryOptions {
  /** Ends the pauses and the tries. */
  readonly signal: AbortSignal
  /** Of a failure that may pass, in all. @default 4 */
  readonly tries?: number
  /** Before the second try, in milliseconds; doubled before each further one. @default 250 */
  readonly firstPause?: number
}

/** However long a server asks us to wait. */
const LONGEST_PAUSE = 5000

/**
 * Does the work until it succeeds, fails for good, or has been tried often enough.
 *
 * @param work Gets the number of the try, from 1. Throws a {@link PassingFailure} to be tried again.
 * @throws What the last try threw, or the reason of the signal.
 */
export async function retry<T>(
  work: (attempt: number) => Promise<T>,
  { signal, tries = 4, firstPause = 250 }: RetryOptions,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted()
    try {
      return await work(attempt)
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof PassingFailure) || attempt >= tries) throw error
      const pause = Math.max(firstPause * 2 ** (attempt - 1), error.pause ?? 0)
      // Not all at once again: many runs may have been sent away by the same server.
      const spread = Math.min(LONGEST_PAUSE, pause * (0.75 + Math.random() / 2))
      await sleep(spread, undefined, { signal }).catch(() => signal.throwIfAborted())
    }
  }
}
