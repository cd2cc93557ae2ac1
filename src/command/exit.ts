/** The end of a process. */
import { signalExitCode } from './signals.ts'

/** An exit code, or a signal. */
export type ProcessExit =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'signalled'; readonly signal: NodeJS.Signals }

/** The exit of a process as a shell reports it. */
export interface ShellExit {
  readonly exitCode: number
  /** The signal that ended the process; `null` if it exited. */
  readonly signal: NodeJS.Signals | null
}

/** Return the exit of a process as a shell reports it. */
export function shellExit(exit: ProcessExit): ShellExit {
  return exit.kind === 'exited'
    ? { exitCode: exit.code, signal: null }
    : { exitCode: signalExitCode(exit.signal), signal: exit.signal }
}
