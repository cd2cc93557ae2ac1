/** A verification as a stream: each finding as it is made. */
import { verifyRun } from '../verify/verify.ts'
import { failureAnswer } from './errors.ts'
import type { StoredRun } from '../store/read.ts'
import type { VerifyOptions } from '../verify/verify.ts'
import type { VerifyEvent } from './api/types.ts'

const NOBODY_WAITS = (): void => undefined

/**
 * Verify a run, and yield what is known so far. The last event is the result, or the error.
 *
 * @param options The signal stops the work.
 */
export async function* streamVerification(
  run: StoredRun,
  options: Pick<VerifyOptions, 'level' | 'directory' | 'trackers' | 'signal'>,
): AsyncGenerator<VerifyEvent> {
  const events: VerifyEvent[] = []
  let wake = NOBODY_WAITS
  let isDone = false
  const send = (event: VerifyEvent): void => {
    // Only the last progress is of use to one who was slow.
    if (event.type === 'progress' && events.at(-1)?.type === 'progress') events.pop()
    events.push(event)
    wake()
  }
  const work = verifyRun(run, {
    ...options,
    onItem: (item) => send({ type: 'item', item }),
    onProgress: ({ bytesDone, bytesTotal }) => send({ type: 'progress', bytesDone, bytesTotal }),
  })
    .then(({ same, level }) => send({ type: 'end', same, level }))
    .catch((error: unknown) => send({ type: 'error', error: failureAnswer(error).body.error }))
    .finally(() => {
      isDone = true
      wake()
    })
  for (;;) {
    const next = events.shift()
    if (next !== undefined) yield next
    else if (isDone) break
    else
      await new Promise<void>((resolve) => {
        wake = resolve
      })
  }
  await work
}
