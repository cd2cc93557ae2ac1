/** Join an `AbortSignal` and a progress callback to a job of the addon. */
import { LineaprintError } from '../core/errors.ts'
import { ProgressListener } from '../core/progress.ts'
import { native } from './load.ts'
import type { NativeFailure } from './load.ts'
import type { ErrorCode } from '../core/errors.ts'
import type { JobOptions } from '../core/options.ts'

const PROGRESS_INTERVAL_MS = 100

/**
 * Run one job: check the signal, listen to it, poll progress, and rethrow the signal's reason once every
 * thread has stopped.
 *
 * @param options Signal, progress and threads.
 * @param start Starts the job with its handle and the number of threads.
 */
export async function runJob<T extends object | string>(
  options: JobOptions,
  start: (
    job: InstanceType<typeof native.NativeJob>,
    threads: number | undefined,
  ) => Promise<T | NativeFailure>,
): Promise<T> {
  const { signal, onProgress } = options
  const threads = checkThreads(options.threads)
  signal?.throwIfAborted()
  // Keep the caller's stack: the failure happens on a thread that has none.
  const site = new Error()
  const job = new native.NativeJob()
  const stop = (): void => job.cancel()
  const listener = new ProgressListener(onProgress, stop)
  const reportProgress = (): void => listener.report(job.progress())
  signal?.addEventListener('abort', stop, { once: true })
  const timer = onProgress && setInterval(reportProgress, PROGRESS_INTERVAL_MS)
  timer?.unref()
  try {
    const outcome = await start(job, threads)
    if (!isFailure(outcome)) reportProgress()
    await listener.end()
    if (signal?.aborted) throw signal.reason
    if (isFailure(outcome)) throw fromFailure(outcome, site)
    return outcome
  } finally {
    clearInterval(timer)
    signal?.removeEventListener('abort', stop)
  }
}

function checkThreads(threads: number | undefined): number | undefined {
  if (threads === undefined || (Number.isInteger(threads) && threads >= 1 && threads <= 1024)) return threads
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'threads is out of range', {
    field: 'threads',
    expected: 'a whole number from 1 to 1024',
    received: String(threads),
  })
}

/** Check whether the addon returned a failure. */
export function isFailure(outcome: object | string): outcome is NativeFailure {
  return typeof outcome === 'object' && 'code' in outcome && 'message' in outcome
}

/** Convert a failure of the addon into an error, with the stack of `site` if given. */
export function fromFailure(failure: NativeFailure, site?: Error): LineaprintError {
  const { code, message, path, tensor, expected, received } = failure
  const cause = failure.osError === undefined ? {} : { cause: { errno: failure.osError } }
  const error = new LineaprintError(code as ErrorCode, message, {
    path,
    tensor,
    expected,
    received,
    ...cause,
  })
  if (site?.stack !== undefined) {
    error.stack = `${error.name}: ${error.message}\n${site.stack.split('\n').slice(2).join('\n')}`
  }
  return error
}
