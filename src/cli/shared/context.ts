/** Types that all commands share. */

import type { Command } from 'commander'

/** The environment of a command: its signal, its exit code, and the other commands. */
export interface CommandContext {
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal
  /** Set the exit code of the process without ending it. */
  exit(code: ExitCode): void
  /** Build the program with the options of one command, or of all; the others have their name and summary. */
  readonly program: (which: string) => Promise<Command>
}

/** 0 done or equal; 1 a difference was found; 2 wrong usage; 3 an input could not be read or the work failed. */
export type ExitCode = 0 | 1 | 2 | 3

/** Options of every command. */
export interface CommonOptions {
  readonly json?: boolean
  readonly debug?: boolean
}
