/** Retries of temporary failures, with growing pauses and a limit. */
import { setTimeout as sleep } from 'node:timers/promises'

/** A temporary failure: no connection, no answer in time, a server that is busy or broken. */
export class PassingFailure extends Error {
  /** Milliseconds to wait, as requested by the server. */
  readonly pause: number | undefined

  constructor(
    message: string,
    options: { readonly cause?: unknown; readonly pause?: number | undefined } = {},
  ) {
    super(message, { cause: options.cause })
    this.pause = options.pause
  }
}

/** Limits of the retries. */
export interface RetryOptions {
  /** Aborts pauses and tries. */
  readonly signal: AbortSignal
  /** Total number of tries. @default 4 */
  readonly tries?: number
  /** Milliseconds before the second try; doubled before each further one. @default 250 */
  readonly firstPause?: number
}

/** Upper limit of a pause, even if the server asks for more. */
const LONGEST_PAUSE = 5000

/**
 * Repeat the work until it succeeds, fails for good, or has been tried often enough.
 *
 * @param work Receives the number of the try, from 1. Throws a {@link PassingFailure} to be retried.
 * @throws The error of the last try, or the reason of the signal.
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
      // Random, so that runs refused together do not return together.
      const spread = Math.min(LONGEST_PAUSE, pause * (0.75 + Math.random() / 2))
      await sleep(spread, undefined, { signal }).catch(() => signal.throwIfAborted())
    }
  }
}
