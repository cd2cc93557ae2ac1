/**
 * Running of a program whose output is collected as a whole. A thread of the addon starts it, reads it and waits for it:
 * with streams of Node the same took ten times as long on the JavaScript thread.
 */
import { native } from '../native/load.ts'
import { watchFifo } from './fifo.ts'
import { canReadPipes } from './pipe.ts'
import { killAtExit } from './running.ts'
import type { ProgramOptions, ProgramResult } from './program.ts'

/** Limits of a program that is collected. */
interface Limits {
  readonly stdout: number
  readonly stderr: number
}

/** The largest limit that the addon takes. */
const LIMIT = 2 ** 32 - 1

/**
 * Run a program; `undefined` if the addon cannot start it. Node then starts it, or gives the error.
 *
 * @throws The reason of the signal.
 */
export async function collectProgram(
  command: string,
  args: readonly string[],
  { directory, environment, timeout, signal, refuseFifo, input }: ProgramOptions,
  limits: Limits,
): Promise<ProgramResult | undefined> {
  // Bun starts its programs itself, as in `start.ts`.
  if (!canReadPipes || limits.stdout > LIMIT) return undefined
  const variables = Object.entries(environment).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${value}`],
  )
  const collector = new native.NativeCollector()
  let stopped: ProgramResult | undefined
  const stop = (reason: ProgramResult): void => {
    stopped ??= reason
    collector.stop()
  }
  const onAbort = (): void => collector.stop()
  const late: ProgramResult = {
    status: 'timeout',
    reason: `${command} did not answer within ${timeout / 1000} s`,
  }
  const timer = setTimeout(() => stop(late), timeout)
  signal?.addEventListener('abort', onAbort, { once: true })
  const endWatch =
    refuseFifo === undefined ? undefined : watchFifo(() => collector.pid ?? undefined, refuseFifo, stop)
  const ended = killAtExit(onAbort)
  try {
    const bytes = input === undefined ? null : input
    const end = await collector.run(command, [...args], directory, variables, bytes, [
      limits.stdout,
      limits.stderr,
    ])
    signal?.throwIfAborted()
    if (stopped !== undefined) return stopped
    switch (end.outcome) {
      case 'stopped':
        return { status: 'failed', reason: `${command} was stopped` }
      case 'too-long':
        return { status: 'too-long', reason: `${command} wrote more than ${limits.stdout} bytes` }
      case 'broken':
        return { status: 'failed', reason: `the output of ${command} could not be read` }
      case 'ended':
        return {
          status: 'ended',
          code: end.code ?? null,
          stdout: end.stdout,
          stderr: end.stderr.toString(),
        }
      case 'not-started':
        return undefined
    }
    return undefined
  } finally {
    clearTimeout(timer)
    endWatch?.()
    signal?.removeEventListener('abort', onAbort)
    ended()
  }
}
