/** Trying again what a network can make fail. */
import { setTimeout as sleep } from 'node:timers/promises'
import { isPassing } from './client.ts'

/** Milliseconds between tries. */
const PAUSES = [250, 1000, 4000, 10_000] as const

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
