/** Events of a running run. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { LiveEvent } from './api/types.ts'
import type { RunReader } from './run-reader.ts'

/** Milliseconds between two looks at the journal. */
const INTERVAL = 500

/** Rounds without news after which an event is sent all the same, so that a broken connection is noticed. */
const SILENT_ROUNDS = 20

/**
 * Yield an event whenever a run has recorded more. The last one has the status with which it ended.
 *
 * @param signal Ends the work.
 * @throws The errors of the reader.
 */
export async function* followRun(
  reader: RunReader,
  id: string,
  signal: AbortSignal,
): AsyncGenerator<LiveEvent> {
  let sent = -1
  for (let silent = 0; !signal.aborted; silent++) {
    const { run, version } = await reader.version(id)
    if (version !== sent || silent >= SILENT_ROUNDS) {
      sent = version
      silent = 0
      yield { version, status: run.status }
    }
    if (run.status !== 'running') return
    await sleep(INTERVAL, undefined, { signal }).catch(() => undefined)
  }
}
