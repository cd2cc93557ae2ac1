/** What every command of the program shares. */

/** Where a command writes, and how it is stopped. */
export interface CommandContext {
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal
  /** Sets the exit code of the process without ending it. */
  exit(code: ExitCode): void
}

/** 0 done or equal; 1 a difference was found; 2 wrong usage; 3 an input could not be read or the work failed. */
export type ExitCode = 0 | 1 | 2 | 3

/** Options that every command has. */
export interface CommonOptions {
  readonly json?: boolean
  readonly debug?: boolean
}
