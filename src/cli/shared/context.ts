/** Types that all commands share. */

/** The environment of a command: its signal and its exit code. */
export interface CommandContext {
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal
  /** Set the exit code of the process without ending it. */
  exit(code: ExitCode): void
}

/** 0 done or equal; 1 a difference was found; 2 wrong usage; 3 an input could not be read or the work failed. */
export type ExitCode = 0 | 1 | 2 | 3

/** Options of every command. */
export interface CommonOptions {
  readonly json?: boolean
  readonly debug?: boolean
}
