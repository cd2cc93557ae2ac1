/** Trying again what a network can make fail. */
import { setTimeout as sleep } from 'node:timers/promises'
import { isPassing, passing } from './answer.ts'
import type { TransferClient } from './client.ts'

/** Milliseconds between tries. */
const PAUSES = [250, 1000, 4000, 10_000] as const

/** Milliseconds between two questions to a server that does not answer. */
const ASK_AGAIN = 500

/** Do work again while the server cannot be reached or is busy. @throws The last error. */
export async function withRetries<T>(work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  for (const pause of PAUSES) {
    try {
      return await work()
    } catch (error) {
      signal?.throwIfAborted()
      if (!isPassing(error)) throw error
      await sleep(pause, undefined, signal && { signal })
    }
  }
  return work()
}

/**
 * Wait until a server answers anything, so that one that is away does not hold up the end of each run.
 *
 * @param patience Milliseconds for which it is asked again.
 * @throws The reason why it cannot be reached, and that of the signal.
 */
export async function awaitAnswer(
  client: TransferClient,
  patience: number,
  signal: AbortSignal,
): Promise<void> {
  const late = AbortSignal.timeout(patience)
  const either = AbortSignal.any([signal, late])
  for (let last: unknown; ;) {
    try {
      await client.projects({ signal: either })
      return
    } catch (error) {
      signal.throwIfAborted()
      if (late.aborted) throw last ?? passing(`the server did not answer within ${patience} ms`, {})
      // A failure without a cause is an answer. What follows tells whether it passes.
      if (!isPassing(error) || (error as Error).cause === undefined) return
      last = error
      await sleep(ASK_AGAIN, undefined, { signal: either }).catch(() => undefined)
    }
  }
}
