/** The end of a command that starts others and was stopped by a signal. */
import { SignalError, signalExitCode } from '../../command/signals.ts'
import { reportFailure } from './failure.ts'

/**
 * Report that a signal stopped the work, and set the exit code that a shell gives for it.
 *
 * @throws Any other error as it is, and the reason of `signal` where Ctrl-C stopped it: its message is the same in
 * every command.
 */
export function reportStopped(error: unknown, signal: AbortSignal, json: boolean): void {
  if (!(error instanceof SignalError)) throw error
  signal.throwIfAborted()
  reportFailure({ code: 'ERR_LINEAPRINT_INTERRUPTED', message: error.message }, json)
  process.exitCode = signalExitCode(error.signal)
}
